"use strict";
// Checks a licence as docs/SPEC.md says, with nothing but Node (run on 20): copy this file into
// your product and call check(). Numbers in comments are sections of docs/SPEC.md.

const crypto = require("node:crypto");

/** A problem that ends what is being done (section 9.1). */
class Refused extends Error {
  constructor(slug) {
    super(slug);
    this.slug = slug;
  }
}

/** Do *what*; whatever is wrong with it is the problem *slug*. */
function orRefused(slug, what) {
  try {
    return what();
  } catch (error) {
    throw new Refused(error.slug === "license-unsupported" ? error.slug : slug);
  }
}

function demand(truth, what) {
  if (!truth) throw new Error(what);
}

const sha256 = (data) => crypto.createHash("sha256").update(data).digest();

// 2.2 base64url: Buffer is tolerant, so what was decoded is encoded again and compared.

function fromBase64url(text) {
  const bytes = Buffer.from(text, "base64url");
  demand(bytes.toString("base64url") === text, "base64url");
  return bytes;
}

// 2.3 JSON: JSON.parse takes a name twice, and does not tell 1 from 1.0.

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const DEEPEST = 8;

/** The value in *bytes*; objects are Maps, and a number that is no integer is NaN. */
function parseJson(bytes) {
  const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at = pattern.lastIndex;
    return found && found[0];
  };
  const takeSpace = () => take(SPACE);
  const takeSign = (sign) => {
    takeSpace();
    const found = text[at] === sign;
    if (found) at += 1;
    return found;
  };
  const string = () => {
    takeSpace();
    const found = take(STRING);
    demand(found !== null, "a string");
    const value = JSON.parse(found);
    demand(!/\p{Surrogate}/u.test(value), "a surrogate without its partner");
    return value;
  };
  const members = (end, member) => {
    if (takeSign(end)) return;
    do member();
    while (takeSign(","));
    demand(takeSign(end), end);
  };
  const value = (depth) => {
    demand(depth <= DEEPEST || !/[[{]/.test(text[at]), "nested too deep");
    if (takeSign("{")) {
      const object = new Map();
      members("}", () => {
        const name = string();
        demand(!object.has(name) && takeSign(":"), name);
        takeSpace();
        object.set(name, value(depth + 1));
      });
      return object;
    }
    if (takeSign("[")) {
      const array = [];
      members("]", () => {
        takeSpace();
        array.push(value(depth + 1));
      });
      return array;
    }
    if (text[at] === '"') return string();
    const number = take(NUMBER);
    if (number !== null) return /^-?[0-9]+$/.test(number) ? Number(number) : NaN;
    const word = take(WORD);
    demand(word !== null, "a value");
    return { true: true, false: false, null: null }[word];
  };
  takeSpace();
  const whole = value(1);
  takeSpace();
  demand(at === text.length, "something after the value");
  return whole;
}

// 2.3 The types of members. Each takes a value and says whether it is one.

const LAST_INSTANT = 253402300799; // 2.4
const COMPONENTS = ["hostname", "ip", "machine_id", "container_id"];
const integer = (value) => Number.isSafeInteger(value) && value >= 0;
const instant = (value) => integer(value) && value <= LAST_INSTANT;
const positive = (value) => integer(value) && value >= 1;
const string = (value) => typeof value === "string";
const text = (value) => string(value) && value !== "" && [...value].length <= 200;
const name = (value) => string(value) && /^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$/.test(value);
const names = (value) =>
  Array.isArray(value) && value.every(name) && new Set(value).size === value.length;
const map = (key, item) => (value) =>
  value instanceof Map && [...value].every(([left, right]) => key(left) && item(right));
const numbers = map(name, integer);
const oneOf = (...values) => (value) => values.includes(value);
const digits = (count) => (value) =>
  string(value) && new RegExp(`^[0-9a-f]{${count}}$`).test(value);
const tagsOfHost = map(oneOf(...COMPONENTS), digits(16));
const object = (value) => value instanceof Map;

/** The members of *value* that *types* names, as a plain object; a type in [] may be absent. */
function membersOf(value, types) {
  demand(object(value), "an object");
  const found = {};
  for (const [key, type] of Object.entries(types)) {
    const optional = Array.isArray(type);
    if (value.has(key)) {
      demand((optional ? type[0] : type)(value.get(key)), key);
      found[key] = value.get(key);
    } else {
      demand(optional, key);
    }
  }
  return found;
}

// 3.2 to 3.4 Host: {hostname, ip, machine_id, container_id}, each text or null, and
// {engine, machine_id_bound, machine_id_of_image, layer, pinned_ip, former_ip, gpus, once_bare, once_bound}.

const PROFILES = {
  hk1: COMPONENTS,
  "hk1-host": ["hostname", "ip", "machine_id"],
};

function hostKey(host, profile) {
  if (profile === "hk1-host") {
    if (!host.machine_id || (host.engine && !host.machine_id_bound))
      throw new Refused("host-machine-id-not-bound");
  } else if (!host.container_id && !machineIdCounts(host)) {
    throw new Refused("host-unidentifiable");
  }
  const lines = PROFILES[profile].map((component) => {
    const value = host[component];
    return value ? `${component}=${Buffer.byteLength(value)}:${value}\n` : `${component}=!missing\n`;
  });
  return sha256(`${profile}\n${lines.join("")}`).toString("hex").slice(0, 40);
}

/** Not where it may be that of an unknown engine's image. */
function machineIdCounts(host) {
  return Boolean(host.machine_id) && (host.engine !== "unknown" || Boolean(host.machine_id_bound));
}

function isCopyable(host, profile) {
  const hasContainer = PROFILES[profile].includes("container_id");
  if (!host.engine) return Boolean(host.machine_id_of_image);
  if (hasContainer && host.container_id) return false;
  return !host.machine_id_bound || (host.engine === "unknown" && hasContainer);
}

const VERSION_2 = 1795910400;

/** 3.7 The host as version 1 of section 3 saw it, for a licence that was issued then. */
function asIssued(host, iat) {
  if (iat >= VERSION_2) return host;
  const bare = host.once_bare ? { engine: null, container_id: null } : {};
  const bound = host.once_bound ? { machine_id_bound: true } : {};
  return { ...host, ...bare, ...bound, machine_id_of_image: false };
}

function valueOf(host, profile, component) {
  return (PROFILES[profile].includes(component) && host[component]) || "";
}

function keyedTag(host, profile, line) {
  const ids = ANCHORS.map((component) => valueOf(host, profile, component)).join("\n");
  const anchor = sha256(`hostseal anchor\n${ids}`);
  return crypto.createHmac("sha256", anchor).update(line).digest("hex").slice(0, 16);
}

/** 7.2 Whether only the layer tells this container from the licensed one. */
function isOfOtherLayer(host, { profile, layer }) {
  if (!layer || !host.layer || !valueOf(host, profile, "container_id")) return false;
  return keyedTag(host, profile, `layer\n${host.layer}`) !== layer;
}

function hostTags(host, profile) {
  const tags = {};
  for (const component of COMPONENTS) {
    const value = valueOf(host, profile, component);
    const line = `${component}\n${value}`;
    if (value === "") continue;
    if (component === "machine_id" || component === "container_id") {
      tags[component] = sha256(line).toString("hex").slice(0, 16);
    } else if (!isCopyable(host, profile)) {
      tags[component] = keyedTag(host, profile, line);
    }
  }
  return tags;
}

const ANCHORS = ["machine_id", "container_id"];

function matchesAnchors(host, profile, licensed) {
  const present = hostTags(host, profile);
  return (
    !isCopyable(host, profile) &&
    ANCHORS.some((component) => licensed[component]) &&
    ANCHORS.every((component) => licensed[component] === present[component])
  );
}

function hasKey(host, profile, key) {
  try {
    return hostKey(host, profile) === key;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return false;
  }
}

/** Why the key differs (9.2): another profile, or what the tags say; under another anchor, nothing. */
function differences(host, { key, profile, tags: licensed }) {
  const others = Object.keys(PROFILES).filter((other) => other !== profile);
  if (others.some((other) => hasKey(host, other, key))) return ["profile-differs"];
  const present = hostTags(host, profile);
  const differs = (component) => licensed[component] !== present[component];
  let found = Object.keys(licensed).length ? ANCHORS.filter(differs) : [];
  if (!found.length && Object.keys(licensed).length && !isCopyable(host, profile))
    found = COMPONENTS.filter(differs);
  const slugs = found.map((component) => `${component.replace("_", "-")}-differs`);
  return slugs.length ? slugs : ["change-unknown"];
}

// 4 Text.

const LARGEST_FILE = 65536;
const WHITE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const DASHES = "[-\\u2010-\\u2015\\u2212\\ufe58\\ufe63\\uff0d]{1,5}";
const MARKER = new RegExp(
  `${DASHES}${WHITE}*(BEGIN|END)${WHITE}+LICENSE(?:${WHITE}+([A-Z]+))?${WHITE}*${DASHES}`,
  "g",
);
const ALL_WHITE = new RegExp(WHITE, "g");
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u0000]/g;
const LONG_DASH = /[\u2014\u2015]/g;

/** 4.3 step 1. */
function decode(bytes) {
  let encoding = "utf-8";
  const zeros = [0, 0];
  bytes.forEach((byte, at) => (zeros[at % 2] += byte === 0 ? 1 : 0));
  if (bytes[0] === 0xff && bytes[1] === 0xfe) encoding = "utf-16le";
  else if (bytes[0] === 0xfe && bytes[1] === 0xff) encoding = "utf-16be";
  else if (Math.max(...zeros) > bytes.length / 8)
    encoding = zeros[0] > zeros[1] ? "utf-16be" : "utf-16le";
  return new TextDecoder(encoding).decode(bytes);
}

/** 4.3 steps 2 and 3: the blocks as [label, token], or null where the text is cut off. */
function pair(source) {
  const blocks = [];
  let begun = null;
  for (const marker of source.matchAll(MARKER)) {
    const label = marker[2] ? `LICENSE ${marker[2]}` : "LICENSE";
    if (marker[1] === "BEGIN") {
      if (begun) return null;
      begun = { label, at: marker.index + marker[0].length };
    } else {
      if (!begun || begun.label !== label) return null;
      blocks.push([label, source.slice(begun.at, marker.index).replace(ALL_WHITE, "")]);
      begun = null;
    }
  }
  return begun ? null : blocks;
}

/** 4.3 step 4. */
function mend(source) {
  return source
    .replace(/=[ \t]*(?:\r\n|\r|\n)/g, "")
    .replace(/(?:=[0-9A-Fa-f]{2})+/g, (run) => Buffer.from(run.replace(/=/g, ""), "hex").toString())
    .replace(/[>|]/g, " ")
    .replace(INVISIBLE, "")
    .replace(/[\u2010-\u2013\u2212\ufe58\ufe63\uff0d]/g, "-");
}

/** 4.3: the blocks of a text as [label, token]; *damaged* is the problem of one that is cut off. */
function readBlocks(source, damaged) {
  const first = pair(source);
  if (first && first.length && first.every(([, token]) => /^[A-Za-z0-9._-]*$/.test(token)))
    return first;
  const second = pair(mend(source));
  if (!second) throw new Refused(damaged);
  return second;
}

const tokensOf = (blocks, label) =>
  blocks.filter((block) => block[0] === label).map((block) => block[1]);

/** 4.3 step 6: the first reading of *token* with which *open* succeeds; else the second says why. */
function firstReading(token, open) {
  if (token.search(LONG_DASH) < 0) return open(token);
  try {
    return open(token.replace(LONG_DASH, "-"));
  } catch {
    return open(token.replace(LONG_DASH, "--"));
  }
}

// 5.1 Token. A key is {x, kid} and, from a keyset, its other members.

const thumbprint = (x) =>
  sha256(`{"crv":"Ed25519","kty":"OKP","x":"${x}"}`).toString("base64url"); // 6.2

function verifies(key, signature, data) {
  const jwk = { kty: "OKP", crv: "Ed25519", x: key.x };
  return crypto.verify(null, data, crypto.createPublicKey({ key: jwk, format: "jwk" }), signature);
}

/** The key of *keys* that signed *token* and its payload, verified and not yet parsed. */
function openToken(token, type, keys) {
  return firstReading(token, (reading) => {
    const parts = reading.split(".");
    const [payload, signature] = orRefused("license-damaged", () => {
      demand(parts.length === 3 && parts[2].length === 86, "the parts of a token");
      return parts.slice(1).map(fromBase64url);
    });
    const header = (key) =>
      Buffer.from(`{"alg":"Ed25519","kid":"${key.kid}","typ":"${type}"}`).toString("base64url");
    const key = keys.find((candidate) => header(candidate) === parts[0]);
    if (!key) throw new Refused("signing-key-unknown");
    if (!verifies(key, signature, Buffer.from(`${parts[0]}.${parts[1]}`)))
      throw new Refused("signature-invalid");
    return { key, payload };
  });
}

/**
 * 6.2 The payloads that keys of *keys* signed in *tokens*, each with the kids of those that did, in
 * their order; and why the last token that none signed was refused.
 */
function signed(tokens, type, keys) {
  const found = new Map();
  let why = null;
  for (const token of tokens) {
    try {
      const { key, payload } = openToken(token, type, keys);
      const name = payload.toString("base64");
      if (!found.has(name)) found.set(name, { payload, kids: new Set() });
      found.get(name).kids.add(key.kid);
    } catch (error) {
      why = error;
    }
  }
  return { found, why };
}

// 5.2 Claims.

const HOST = {
  key: digits(40),
  name: [text],
  profile: oneOf("hk1", "hk1-host"),
  match: [oneOf("exact", "anchored")],
  tags: [tagsOfHost],
  layer: [digits(16)],
};

const CLAIMS = {
  ver: integer,
  iss: text,
  sub: text,
  aud: text,
  jti: text,
  iat: instant,
  nbf: [instant],
  exp: [instant],
  host: object,
  edition: [text],
  features: [names],
  limits: [numbers],
  notify_from: [instant],
  grace_until: [instant],
  maintenance_until: [instant],
  replaces: [text],
  must_understand: [names],
};

function readClaims(payload) {
  return orRefused("license-claims-invalid", () => {
    const value = parseJson(payload);
    const { ver, must_understand: needed } = membersOf(value, {
      ver: integer,
      must_understand: [names],
    });
    if (ver !== 1 || (needed && needed.length)) throw new Refused("license-unsupported");
    const claims = membersOf(value, CLAIMS);
    claims.nbf ??= claims.iat;
    claims.host = { match: "exact", ...membersOf(claims.host, HOST) };
    const tags = claims.host.tags || new Map();
    claims.host.tags = Object.fromEntries(tags);
    claims.limits = Object.fromEntries(claims.limits || new Map());
    if (claims.exp !== undefined) demand(claims.exp > claims.nbf, "exp");
    if (claims.grace_until !== undefined) demand(claims.grace_until >= claims.exp, "grace_until");
    return claims;
  });
}

/** 5.3 */
function stateAt(claims, now) {
  if (now < claims.nbf) return "pending";
  if (claims.exp === undefined) return "active";
  if (now < claims.exp) return claims.notify_from <= now ? "notify" : "active";
  return now < claims.grace_until ? "grace" : "expired";
}

// 6 Keyset.

const FIELD = 2n ** 255n - 19n;
const ORDER_8 = 0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n;
// 6.1 The y-coordinates of the eight points of small order.
const SMALL_ORDER = new Set([0n, 1n, FIELD - 1n, ORDER_8, FIELD - ORDER_8]);

/** A key of 32 *bytes*; 6.1 says which points are refused. */
function keyFrom(bytes) {
  demand(bytes.length === 32, "the length of a key");
  const y = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`) & (2n ** 255n - 1n);
  demand(y < FIELD && !SMALL_ORDER.has(y), "a point that is no key");
  const x = bytes.toString("base64url");
  return { x, kid: thumbprint(x) };
}

/** 6.2 The key of a file *.pub.pem. */
function rootFromPem(pem) {
  return orRefused("trusted-key-invalid", () => {
    const found = /-----BEGIN PUBLIC KEY-----([^-]+)-----END PUBLIC KEY-----/.exec(pem);
    const base64 = found[1].replace(/\s/g, "");
    const der = Buffer.from(base64, "base64");
    demand(der.toString("base64") === base64 && pem.split("-----BEGIN").length === 2, "one key");
    demand(der.subarray(0, 12).toString("hex") === "302a300506032b6570032100", "Ed25519");
    return keyFrom(der.subarray(12));
  });
}

const KEY = {
  kty: oneOf("OKP"),
  crv: oneOf("Ed25519"),
  x: string,
  kid: string,
  alg: oneOf("Ed25519"),
  nbf: instant,
  exp: instant,
  state: oneOf("active", "retired", "revoked"),
  products: [names],
};

const KEYSET = {
  iss: text,
  version: positive,
  iat: instant,
  exp: [instant],
  keys: (value) => Array.isArray(value) && value.length > 0,
};

/** The members of a document of keys: a keyset, or roots. */
function readKeys(payload, types, keyTypes) {
  const document = membersOf(parseJson(payload), types);
  document.keys = document.keys.map((value) => {
    const key = membersOf(value, keyTypes);
    demand(keyFrom(fromBase64url(key.x)).kid === key.kid, "kid");
    return key;
  });
  demand(new Set(document.keys.map((key) => key.kid)).size === document.keys.length, "a key twice");
  return document;
}

/** 6.4 The keyset that counts: enough of *roots* signed it. */
function chooseKeyset(tokens, roots) {
  if (!tokens.length) throw new Refused("keyset-missing");
  const { found, why } = signed(tokens, "license-keyset+jwt", roots.keys);
  let best = null;
  let invalid = null;
  for (const { payload, kids } of found.values()) {
    if (kids.size < roots.threshold) continue;
    try {
      const keyset = readKeys(payload, KEYSET, KEY);
      if (!best || keyset.version > best.version) best = keyset;
    } catch {
      invalid = new Refused("keyset-invalid");
    }
  }
  if (best) return best;
  if (invalid) throw invalid;
  const damaged = !found.size && why.slug === "license-damaged";
  throw new Refused(damaged ? why.slug : "keyset-untrusted");
}

// 6.3 Roots.

const ROOT = { kty: KEY.kty, crv: KEY.crv, x: string, kid: string, alg: KEY.alg };
const ROOTS = {
  iss: text,
  version: positive,
  iat: instant,
  threshold: positive,
  keys: KEYSET.keys,
};

function readRoots(payload) {
  const roots = readKeys(payload, ROOTS, ROOT);
  demand(roots.threshold <= roots.keys.length, "threshold");
  return roots;
}

/** 6.4 The version that follows on *roots*, or null. */
function nextRoots(tokens, roots) {
  const type = "license-roots+jwt";
  let later = false;
  for (const [name, { payload, kids }] of signed(tokens, type, roots.keys).found) {
    if (kids.size < roots.threshold) continue;
    const next = orRefused("roots-invalid", () => readRoots(payload));
    if (next.version > roots.version + 1) later = true;
    if (next.version !== roots.version + 1) continue;
    const own = signed(tokens, type, next.keys).found.get(name);
    if (!own || own.kids.size < next.threshold) throw new Refused("roots-invalid");
    return next;
  }
  if (later) throw new Refused("roots-skipped");
  return null;
}

/** 6.4 The last roots, from those that the product ships on. */
function followRoots(tokens, shipped) {
  let roots = shipped;
  for (let next = roots; next; next = nextRoots(tokens, roots)) roots = next;
  return roots;
}

// 8 Revocations.

const DIGEST = 12;
const LIST = { iss: text, number: positive, iat: instant, exp: [instant], revoked: string };

function openList(token, keys) {
  return orRefused("revocations-invalid", () => {
    const trusted = keys.filter((key) => key.state !== "revoked");
    const { payload } = openToken(token, "license-revocations+jwt", trusted);
    const list = membersOf(parseJson(payload), LIST);
    list.revoked = fromBase64url(list.revoked);
    demand(list.revoked.length % DIGEST === 0, "the length of the list");
    return list;
  });
}

function lists(claims, list) {
  const digest = sha256(claims.jti).subarray(0, DIGEST);
  for (let at = 0; at < list.revoked.length; at += DIGEST)
    if (list.revoked.subarray(at, at + DIGEST).equals(digest)) return true;
  return false;
}

/** 8.2 The lists that could be opened, and the problems of them all. */
function lookUp(claims, keys, inside, beside) {
  const opened = [];
  const problems = [];
  const attempt = (open) => {
    try {
      opened.push(open());
    } catch (error) {
      problems.push(error.slug);
    }
  };
  if (inside.length) attempt(() => openList(inside[0], keys));
  if (beside)
    attempt(() => {
      const blocks = readBlocks(decode(beside), "revocations-invalid");
      const tokens = tokensOf(blocks, "LICENSE REVOCATIONS");
      if (tokens.length !== 1) throw new Refused("revocations-invalid");
      return openList(tokens[0], keys);
    });
  if (opened.some((list) => lists(claims, list))) problems.push("license-revoked");
  return { opened, problems };
}

// 7 Checking.

const TOLERANCE = 86400;
const DAY = 86400;

/** 6.4 The blocks of what was learned; null where one is cut off, or there is none. */
function readKnown(known) {
  if (!known) return [];
  try {
    const blocks = readBlocks(decode(known), "trust-invalid");
    return blocks.length ? blocks : null;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return null;
  }
}

/** 7.2 Opening. */
function open(file, shipped, known) {
  if (file.length > LARGEST_FILE) throw new Refused("file-too-large");
  const blocks = readBlocks(decode(file), "license-damaged");
  const licenses = tokensOf(blocks, "LICENSE");
  if (licenses.length === 0) throw new Refused("license-block-missing");
  if (licenses.length > 1) throw new Refused("license-several");
  const all = [...(known || []), ...blocks];
  const roots = followRoots(tokensOf(all, "LICENSE ROOTS"), shipped);
  const keyset = chooseKeyset(tokensOf(all, "LICENSE KEYSET"), roots);
  const { key, payload } = openToken(licenses[0], "license+jwt", keyset.keys);
  const lists = tokensOf(blocks, "LICENSE REVOCATIONS");
  return { key, roots, keyset, claims: readClaims(payload), lists };
}

/** 7.3 The mark, as far as it counts for this licence. */
function markFor(claims, memory) {
  if (!memory) return 0;
  const counts = memory.license_jti === claims.jti || claims.iat <= memory.license_iat;
  return counts ? memory.seen_at : 0;
}

/** 6.4 Whether the trust is lower than one that was seen. */
function isOlder(roots, keyset, memory) {
  const { roots_version: seenRoots = 0, keyset_version: seenKeyset = 0 } = memory || {};
  if (roots.version !== seenRoots) return roots.version < seenRoots;
  return keyset.version < seenKeyset;
}

/** 8.2 What is to be said of the list of the highest number. */
function ageOf(lists, keys, now, memory) {
  const newest = lists.reduce((best, list) => (list.number > best.number ? list : best), { number: 0 });
  const notices = newest.exp !== undefined && now >= newest.exp ? ["revocations-old"] : [];
  const { revocations_number: seen = 0, revocations_kid: kid } = memory || {};
  const counts = keys.some((key) => key.kid === kid && key.state !== "revoked");
  return counts && newest.number < seen ? [...notices, "revocations-dropped"] : notices;
}

/** 7.2 Judging. */
function judge(opened, { host: present, now, settings, memory, revocations, known }) {
  const { key, roots, keyset, claims, lists: inside } = opened;
  const problems = [];
  const notices = known === null ? ["trust-invalid"] : [];
  let details = [];
  const problem = (slug, holds) => holds && problems.push(slug);
  const state = stateAt(claims, now);
  const licensed = claims.host;
  const host = asIssued(present, claims.iat);

  problem("keyset-rolled-back", isOlder(roots, keyset, memory));
  problem("signing-key-revoked", key.state === "revoked");
  problem("signing-key-not-allowed", key.products && !key.products.includes(claims.aud));
  problem("signing-key-not-allowed", claims.iat < key.nbf || claims.iat >= key.exp);
  problem("keyset-expired", claims.iat >= keyset.exp);
  const looked = lookUp(claims, keyset.keys, inside, revocations);
  problems.push(...looked.problems);
  notices.push(...ageOf(looked.opened, keyset.keys, now, memory));
  problem("wrong-product", settings.product && settings.product !== claims.aud);
  if (!settings.product) notices.push("product-unset");
  const pinned = host.pinned_ip;
  problem("pinned-address-differs", pinned && ![host.ip, host.former_ip].includes(pinned));
  try {
    if (hostKey(host, licensed.profile) !== licensed.key) {
      const anchored = licensed.match === "anchored";
      const former = { ...host, ip: host.former_ip }; // 3.7
      if (former.ip && hostKey(former, licensed.profile) === licensed.key) {
        notices.push("former-address");
      } else if (anchored && matchesAnchors(host, licensed.profile, licensed.tags)) {
        notices.push("host-drifted");
      } else {
        problems.push("wrong-host");
        details = differences(host, licensed);
      }
    }
    if (!details.length && isOfOtherLayer(host, licensed)) {
      problems.push("wrong-host");
      details = ["layer-differs"];
    }
  } catch (error) {
    problems.push(error.slug);
  }
  problem("gpus-not-licensed", host.gpus > claims.limits.gpus);
  const seen = Math.max(
    claims.iat,
    keyset.iat,
    markFor(claims, memory),
    ...looked.opened.map((list) => list.iat),
  );
  problem("clock-set-back", now < seen - TOLERANCE);
  problem("license-not-yet-valid", state === "pending");
  problem("license-expired", state === "expired");
  problem("maintenance-ended", settings.released_at > claims.maintenance_until);

  const isSoon =
    claims.notify_from === undefined && now >= claims.exp - (settings.warn_days ?? 30) * DAY;
  if (state === "grace") notices.push("in-grace");
  else if (state === "notify" || (state === "active" && isSoon)) notices.push("expires-soon");
  if (!problems.length && present.once_bare && claims.iat < VERSION_2)
    notices.push("container-as-machine");
  return { problems, notices, details };
}

/**
 * 7.2 What is wrong with a licence, and what is to be said of it: slugs, the primary problem first.
 * `file`, `revocations` and `known` (license.trust) are bytes, the last two perhaps null; `roots` are
 * of rootFromPem(), `now` is in seconds.
 */
function check(file, { roots, host, now, settings = {}, memory = null, ...beside }) {
  try {
    const shipped = { version: 0, threshold: settings.roots_needed ?? 1, keys: roots };
    const known = readKnown(beside.known);
    const { revocations } = beside;
    return judge(open(file, shipped, known), { host, now, settings, memory, revocations, known });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { problems: [error.slug], notices: [], details: [] };
  }
}

// 4.4 Request: what a vendor reads.

const REQUEST = {
  ver: oneOf(1),
  key: digits(40),
  name: [text],
  profile: [oneOf("hk1", "hk1-host")],
  tags: [tagsOfHost],
  layer: [digits(16)],
  gpus: [integer],
  customer: [text],
  product: [text],
  replaces: [text],
  iat: [instant],
};

function openRequest(token) {
  return orRefused("request-damaged", () =>
    firstReading(token, (reading) => {
      const [body, sum, ...more] = reading.split(".");
      const bytes = fromBase64url(body);
      demand(more.length === 0 && sha256(bytes).toString("base64url").slice(0, 8) === sum, "check");
      const request = { profile: "hk1", ...membersOf(parseJson(bytes), REQUEST) };
      if (request.tags) request.tags = Object.fromEntries(request.tags);
      return request;
    }),
  );
}

const QUOTES =
  "\"'`\\u2018-\\u201f\\u2032\\u2033\\u300c-\\u300f\\u301d-\\u301f\\uff02\\uff07\\xab\\xbb";
const COMMAS = ",;\\uff0c\\u3001\\uff1b";
const BRACKETS =
  "()\\[\\]{}\\uff08\\uff09\\uff3b\\uff3d\\u3010\\u3011\\u3014\\u3015\\u3002";
const BEFORE_COMMA = new RegExp(`^(?:[${QUOTES}]|${WHITE})*`);
const COMMA = new RegExp(`^[${COMMAS}]?${WHITE}*`);
const QUOTED = new RegExp(`^[${QUOTES}]+([^${QUOTES}]+)[${QUOTES}]`);
const PLAIN = new RegExp(`^(?:(?!${WHITE})[^${QUOTES}${COMMAS}${BRACKETS}])+`);
const PROFILE = new RegExp(
  `^(?:[${QUOTES}]|${WHITE})*[${COMMAS}]${WHITE}*[${QUOTES}]+` +
    `hk1[-\\u2010-\\u2015\\u2212\\ufe58\\ufe63]host[${QUOTES}]`,
  "i",
);
const NOT_PRINTED = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const ascii = (source) =>
  source.replace(/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0));

/** What stands after a key: its profile, and its name or undefined. */
function after(source) {
  const rest = source.replace(BEFORE_COMMA, "").replace(COMMA, "");
  const found = QUOTED.exec(rest) || PLAIN.exec(rest) || [""];
  const named = PROFILE.test(ascii(rest.slice(found[0].length)));
  return { profile: named ? "hk1-host" : "hk1", name: nameOf(found) };
}

/** A name in quotes or without, as it was found, or undefined. */
function nameOf(found) {
  const quoted = found[1] !== undefined;
  let value = quoted ? found[1].replace(ALL_WHITE, "") : found[0];
  if (!quoted && value === "null") return undefined;
  try {
    if (quoted) value = JSON.parse(`"${value}"`);
  } catch {
    // it has no escapes of JSON, and stands for itself
  }
  value = ascii(value).replace(/[A-Z]/g, (letter) => letter.toLowerCase()).replace(/\.+$/, "");
  value = [...value].slice(0, 200).join("");
  return value === "" || NOT_PRINTED.test(value) ? undefined : value;
}

/** The bare lines in a text, as requests. */
function bareLines(source) {
  const kept = source.replace(INVISIBLE, "").replace(/[>|]/g, "");
  const pieces = [...kept.matchAll(/[0-9a-fA-F\uff10-\uff19\uff21-\uff26\uff41-\uff46]+/g)];
  const end = (piece) => piece.index + piece[0].length;
  const found = [];
  for (let first = 0; first < pieces.length; first += 1) {
    let key = "";
    let last = first;
    for (; last < pieces.length && key.length < 40; last += 1) {
      const gap = last > first ? kept.slice(end(pieces[last - 1]), pieces[last].index) : "";
      if (gap.replace(ALL_WHITE, "") !== "" || pieces[last][0].length < 4) break;
      key += pieces[last][0];
    }
    if (key.length !== 40) continue;
    const { profile, name } = after(kept.slice(end(pieces[last - 1])));
    const request = { ver: 1, key: ascii(key).toLowerCase(), profile };
    found.push(name === undefined ? request : { ...request, name });
    first = last - 1;
  }
  return found;
}

/** The request in what an operator sent. */
function parseRequest(source) {
  if ([...source].length > LARGEST_FILE) throw new Refused("request-unreadable");
  const blocks = readBlocks(source, "request-damaged");
  let found = tokensOf(blocks, "LICENSE REQUEST").map(openRequest);
  if (!found.length && tokensOf(blocks, "LICENSE").length) throw new Refused("request-unreadable");
  if (!found.length) found = bareLines(source);
  if (!found.length) throw new Refused("request-unreadable");
  if (new Set(found.map((request) => request.key)).size > 1) throw new Refused("request-ambiguous");
  return found[found.length - 1];
}

module.exports = { check, hostKey, hostTags, keyFrom, parseRequest, rootFromPem, thumbprint };

// What follows is only for the vectors of tests/vectors/: `node verify.js ROOT.pub.pem <PATHS`
// prints a line of JSON for each path. The exit codes of section 9.1 that they need:

const EXIT_CODES = {
  "file-too-large": 12,
  "license-block-missing": 13,
  "license-damaged": 14,
  "license-several": 15,
  "license-claims-invalid": 16,
  "license-unsupported": 17,
  "revocations-invalid": 19,
  "keyset-missing": 22,
  "keyset-untrusted": 23,
  "keyset-invalid": 24,
  "keyset-expired": 25,
  "signing-key-unknown": 26,
  "signature-invalid": 27,
  "signing-key-revoked": 28,
  "signing-key-not-allowed": 29,
  "wrong-host": 30,
  "wrong-product": 31,
  "host-unidentifiable": 32,
  "host-machine-id-not-bound": 33,
  "pinned-address-differs": 34,
  "gpus-not-licensed": 35,
  "keyset-rolled-back": 37,
  "roots-invalid": 38,
  "roots-skipped": 39,
  "license-expired": 40,
  "license-not-yet-valid": 41,
  "clock-set-back": 42,
  "license-revoked": 43,
  "maintenance-ended": 44,
  "request-unreadable": 50,
  "request-damaged": 51,
  "request-ambiguous": 52,
};

const KINDS = {
  host(lines, body) {
    const host = JSON.parse(body);
    return { key: hostKey(host, lines.profile), tags: hostTags(host, lines.profile) };
  },
  text: (lines, body) => ({ request: parseRequest(body.toString()) }),
  thumbprint: (lines, body) => ({ kid: keyFrom(fromBase64url(JSON.parse(body).x)).kid }),
  signature(lines, body) {
    const key = keyFrom(fromBase64url(lines.x));
    return { holds: verifies(key, fromBase64url(lines.signature), body) };
  },
  license(lines, body, roots) {
    const json = (name) => (name in lines ? JSON.parse(lines[name]) : undefined);
    const beside = (name) => (name in lines ? Buffer.from(lines[name], "base64") : null);
    const keys = json("roots");
    return check(body, {
      roots: keys ? keys.map((x) => keyFrom(fromBase64url(x))) : roots,
      host: json("host"),
      now: Number(lines.now),
      settings: json("settings"),
      memory: json("memory"),
      revocations: beside("revocations"),
      known: beside("known"),
    });
  },
};

function answer(bytes, roots) {
  const gap = bytes.indexOf("\n\n");
  const head = bytes.subarray(0, gap).toString().split("\n");
  const lines = Object.fromEntries(head.map((line) => line.split(/: (.*)/s, 2)));
  let found = { problems: [], notices: [], details: [] };
  try {
    found = { ...found, ...KINDS[lines.kind](lines, bytes.subarray(gap + 2), roots) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    found.problems = [error.slug];
  }
  const exitCode = found.problems.length ? EXIT_CODES[found.problems[0]] : 0;
  return { ...found, exit_code: exitCode };
}

if (require.main === module) {
  const fs = require("node:fs");
  const roots = [rootFromPem(fs.readFileSync(process.argv[2], "ascii"))];
  for (const path of fs.readFileSync(0, "utf-8").split("\n").filter(Boolean))
    console.log(JSON.stringify(answer(fs.readFileSync(path), roots)));
}
