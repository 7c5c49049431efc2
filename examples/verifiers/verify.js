"use strict";
// Checks a licence as docs/SPEC.md says, with nothing but Node (run on 20): copy this file into
// your product and call check(). Numbers in comments are sections of docs/SPEC.md.

const crypto = require("node:crypto");
const net = require("node:net");

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
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const WORD = /true|false|null/y;
const DEEPEST = 8;
const MOST_DIGITS = 4300;

function numberOf(literal) {
  if (!/^-?[0-9]+$/.test(literal)) return NaN;
  demand(literal.replace("-", "").length <= MOST_DIGITS, "the digits of an integer");
  return Number(literal) + 0; // -0 is 0
}

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
    demand(text[at] === '"', "a string");
    const start = at; // one of a long list is too long for a pattern
    do at += text[at] === "\\" ? 2 : 1;
    while (at < text.length && text[at] !== '"');
    at += 1;
    const value = JSON.parse(text.slice(start, at));
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
    if (number !== null) return numberOf(number);
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

const LAST_INSTANT = 253402300799; // 2.4, as is that a clock beyond it shows it
const clamped = (now) => Math.min(Math.max(now, 0), LAST_INSTANT);
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
const digest = (value) => string(value) && /^[\w-]{42}[AEIMQUYcgkosw048]$/.test(value);
const tagsOfHost = map(oneOf(...COMPONENTS, "cluster_uid", "site", "roster"), digits(16));
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
// {engine, machine_id_bound, machine_id_of_image, layer, pinned_ip, former_ip, gpus, once_bare, once_bound,
// cluster_uid, site, roster}.
// An empty text is as good as null; gpus is null where they cannot be counted.

const PROFILES = {
  hk1: COMPONENTS,
  "hk1-host": ["hostname", "ip", "machine_id"],
  "hk1-cluster": ["cluster_uid"],
  "hk1-site": ["site", "roster"],
};
/** Those that a licence names in must_understand. */
const LATER = ["hk1-cluster", "hk1-site"];

/** Whether a request or licence under *profile* may have these tags. */
const areTagsOf = (profile, tags) =>
  Object.keys(tags).every((name) => (LATER.includes(profile) ? PROFILES[profile] : COMPONENTS).includes(name));

/** 3.9 The place of the machine on the roster of its site, or -1. */
function placeOnRoster(host) {
  const tag = crypto.createHmac("sha256", Buffer.from(host.site, "hex")).update(`machine_id\n${host.machine_id}`);
  return (host.roster || "").split(",").indexOf(tag.digest("hex").slice(0, 16));
}

/** 3.9 How many machines the site had when it had this key; 0 where it never had. */
function sizeOfSite(host, key) {
  const tags = (host.roster || "").split(",");
  const keyOf = (count) => hashed({ ...host, roster: tags.slice(0, count).join(",") }, "hk1-site");
  for (let count = tags.length - 1; count > 0; count -= 1) if (keyOf(count) === key) return count;
  return 0;
}

function demandBound(host) {
  if (!host.machine_id || (host.engine && !host.machine_id_bound))
    throw new Refused("host-machine-id-not-bound");
}

function hostKey(host, profile) {
  if (profile === "hk1-cluster") {
    if (host.engine !== "kubernetes" || !host.cluster_uid) throw new Refused("host-cluster-unknown");
  } else if (profile === "hk1-site") {
    if (!host.site) throw new Refused("host-site-unknown");
    demandBound(host);
    if (host.machine_id_of_image) throw new Refused("host-machine-id-not-bound");
    if (placeOnRoster(host) < 0) throw new Refused("host-not-in-site");
  } else if (profile === "hk1-host") {
    demandBound(host);
  } else if (!host.container_id && !machineIdCounts(host)) {
    throw new Refused("host-unidentifiable");
  }
  return hashed(host, profile);
}

function hashed(host, profile) {
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
  for (const component of PROFILES[profile]) {
    const value = valueOf(host, profile, component);
    const line = `${component}\n${value}`;
    if (value === "") continue;
    if (component !== "hostname" && component !== "ip") {
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
  if (LATER.includes(profile)) {
    if (profile === "hk1-site" && sizeOfSite(host, key)) return ["machine-added-later"];
    const isBare = !Object.keys(licensed).length;
    if (isBare) return [profile === "hk1-cluster" ? "cluster-uid-differs" : "change-unknown"];
    const other = PROFILES[profile].find((component) => licensed[component] !== present[component]);
    return [other ? `${other.replace("_", "-")}-differs` : "change-unknown"];
  }
  const differs = (component) => licensed[component] !== present[component];
  let found = Object.keys(licensed).length ? ANCHORS.filter(differs) : [];
  if (!found.length && Object.keys(licensed).length && !isCopyable(host, profile))
    found = COMPONENTS.filter(differs);
  const slugs = found.map((component) => `${component.replace("_", "-")}-differs`);
  return slugs.length ? slugs : ["change-unknown"];
}

// 4 Text.

const LARGEST_FILE = 65536;
const LARGEST_MENDED = 1048576;
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

const tokenIn = (source) => source.replace(ALL_WHITE, "").replace(/\ufffd+/g, "\ufffd");

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
      blocks.push([label, tokenIn(source.slice(begun.at, marker.index))]);
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
function readBlocks(source, damaged, isMended = true) {
  const first = pair(source);
  if (first && first.length && first.every(([, token]) => /^[A-Za-z0-9._-]*$/.test(token)))
    return first;
  const second = isMended ? pair(mend(source)) : first;
  if (!second) throw new Refused(damaged);
  return second;
}

/** 4.3: the blocks of a file. */
const blocksOf = (bytes, damaged) =>
  readBlocks(decode(bytes), damaged, bytes.length <= LARGEST_MENDED);

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

/** Whether *header* is *trusted* but for one place of at most 4 bytes. */
function isDamaged(header, trusted) {
  const shorter = Math.min(header.length, trusted.length);
  let front = 0;
  while (front < shorter && header[front] === trusted[front]) front += 1;
  let back = 0;
  while (back < shorter - front && header.at(-1 - back) === trusted.at(-1 - back)) back += 1;
  return Math.max(header.length, trusted.length) - front - back <= 4;
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
    if (!key && keys.some((one) => isDamaged(Buffer.from(parts[0]), Buffer.from(header(one)))))
      throw new Refused("license-damaged");
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
  profile: oneOf(...Object.keys(PROFILES)),
  match: [oneOf("exact", "anchored")],
  tags: [tagsOfHost],
  layer: [digits(16)],
  return: [digest],
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
    const unsupported = (truth) => {
      if (truth) throw new Refused("license-unsupported");
    };
    unsupported(membersOf(value, { ver: integer }).ver !== 1);
    const needed = membersOf(value, { must_understand: [names] }).must_understand || [];
    unsupported(needed.some((name) => !LATER.includes(name)));
    const claims = membersOf(value, CLAIMS);
    claims.nbf ??= claims.iat;
    claims.host = { match: "exact", ...membersOf(claims.host, HOST) };
    const tags = claims.host.tags || new Map();
    claims.host.tags = Object.fromEntries(tags);
    demand(areTagsOf(claims.host.profile, claims.host.tags), "tags");
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
const prefix = (value) => typeof value === "string" && /^[0-9a-f]{1,24}$/.test(value);
const LIST = { iss: text, number: positive, iat: instant, exp: [instant], prefix: [prefix], revoked: string };

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

const digestOf = (claims) => sha256(claims.jti).subarray(0, DIGEST);
const covers = (claims, list) => digestOf(claims).toString("hex").startsWith(list.prefix || "");

function lists(claims, list) {
  const digest = digestOf(claims);
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
      const blocks = blocksOf(beside, "revocations-invalid");
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
    const blocks = blocksOf(known, "trust-invalid");
    return blocks.length ? blocks : null;
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return null;
  }
}

/** 7.2 Opening. */
function open(file, shipped, known) {
  if (file.length > LARGEST_FILE) throw new Refused("file-too-large");
  const blocks = blocksOf(file, "license-damaged");
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
  const { seen_at: mark = 0, license_iat: iat = 0, license_jti: jti } = memory || {};
  return jti === claims.jti || claims.iat <= iat ? mark : 0;
}

/** 6.4 Whether the trust is lower than one that was seen. */
function isOlder(roots, keyset, memory) {
  const { roots_version: seenRoots = 0, keyset_version: seenKeyset = 0 } = memory || {};
  if (roots.version !== seenRoots) return roots.version < seenRoots;
  return keyset.version < seenKeyset;
}

/** 8.2 What is to be said of the list of the highest number. */
function sayOfList(lists, claims, keys, now, memory) {
  const newest = lists.reduce((best, list) => (list.number > best.number ? list : best), { number: 0 });
  const notices = newest.iat >= claims.iat && !covers(claims, newest) ? ["revocations-of-others"] : [];
  if (newest.exp !== undefined && now >= newest.exp) notices.push("revocations-old");
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
  const holder = sha256(`hostseal returned\n${claims.aud}\n${claims.sub}`).toString("hex");
  const isOf = ([of, iat]) => of === holder && claims.iat <= Number(iat);
  const returned = (memory || {}).returned || [];
  problem("license-returned", returned.some((one) => one === claims.jti || isOf(one.split(" "))));
  notices.push(...sayOfList(looked.opened, claims, keyset.keys, now, memory));
  problem("wrong-product", settings.product && settings.product !== claims.aud);
  if (!settings.product) notices.push("product-unset");
  const pinned = PROFILES[licensed.profile].includes("ip") && host.pinned_ip;
  const isElsewhere = pinned && ![host.ip, host.former_ip].includes(pinned);
  const isAddress = net.isIPv4(pinned) || (net.isIPv6(pinned) && !pinned.includes("%"));
  problem(isAddress ? "pinned-address-differs" : "pinned-address-invalid", isElsewhere);
  try {
    if (hostKey(host, licensed.profile) !== licensed.key) {
      const anchored = licensed.match === "anchored";
      const former = { ...host, ip: host.former_ip }; // 3.7
      if (former.ip && hostKey(former, licensed.profile) === licensed.key) {
        notices.push("former-address");
      } else if (licensed.profile === "hk1-site" && sizeOfSite(host, licensed.key) > placeOnRoster(host)) {
        notices.push("site-has-grown");
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
  const isCounted = claims.limits.gpus === undefined || host.gpus !== null;
  problem("gpus-not-licensed", isCounted && host.gpus > claims.limits.gpus);
  if (!isCounted) notices.push("gpus-not-counted");
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
  if (!problems.length) {
    if (state === "grace") notices.push("in-grace");
    else if (state === "notify" || (state === "active" && isSoon)) notices.push("expires-soon");
    if (present.once_bare && claims.iat < VERSION_2) notices.push("container-as-machine");
  }
  return { problems, notices, details };
}

/**
 * 7.2 What is wrong with a licence, and what is to be said of it: slugs, the primary problem first.
 * `file`, `revocations` and `known` (license.trust) are bytes, the last two perhaps null; `roots` are
 * of rootFromPem(), `now` is in seconds. No file is larger than 4.1 says.
 */
function check(file, { roots, host, now, settings = {}, memory = null, ...beside }) {
  try {
    const shipped = { version: 0, threshold: settings.roots_needed ?? 1, keys: roots };
    const known = readKnown(beside.known);
    const { revocations } = beside;
    const opened = open(file, shipped, known);
    return judge(opened, { host, now: clamped(now), settings, memory, revocations, known });
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
  profile: [oneOf(...Object.keys(PROFILES))],
  tags: [tagsOfHost],
  layer: [digits(16)],
  return: [digest],
  machines: [integer],
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
      demand(areTagsOf(request.profile, request.tags || {}), "tags");
      return request;
    }),
  );
}

// What people's programs make of a bare line, and how that is undone.

const H = "[0-9a-fA-F]";
const OCTETS = new RegExp(
  `(?:(?<![A-Za-z\\x80-\\uffff])|(?!=${H}{40}(?!${H})))(?:=${H}{2})+|(?:%${H}{2})+`,
  "g",
);
const IN_A_KEY_OR_NAME = /[\0-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f0-9A-Za-z\x7f]/;
const TAG = /<\/?([A-Za-z][A-Za-z0-9:]{0,9})(?:[ \t\r\n][^<>]*)?\/?>|<(?:https?|mailto):[^<>]*>/g;
const INLINE =
  /^(?:a|abbr|b|big|code|del|em|font|i|ins|mark|o:p|s|small|span|strong|sub|sup|tt|u|wbr)$/i;
const ENTITY = /&(?:#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-z]{2,5}));/g;
const ENTITIES = { amp: "&", apos: "'", gt: ">", lt: "<", nbsp: " ", quot: '"' };
Object.assign(ENTITIES, { ldquo: '"', rdquo: '"', lsquo: "'", rsquo: "'" });
const ESCAPES = { u001b: "\x1b", u001B: "\x1b", b: " ", f: "\n", n: "\n", r: "\n", t: "\t" };
const TERMINAL = new RegExp(
  "\\x1b\\][^\\x07\\x1b\\n]*(?:\\x07|\\x1b\\\\)|(?:\\x1b|\\^\\[)\\[[0-9;?]*[@-~]" +
    "|\\[[0-9]{1,3}(?:;[0-9]{1,3})*[mMK]",
  "g",
);
const UNSEEN = new RegExp(
  "[\\0-\\x08\\x0e-\\x1b\\x7f\\xad\\u034f\\u061c\\u180e\\u200b-\\u200f\\u202a-\\u202e" +
    "\\u2060-\\u206f\\u2800\\u3164\\ufe00-\\ufe0f\\ufeff\\ufffc]",
  "g",
);
const FOLDED = [
  [/[\uff01-\uff5e]/g, (sign) => String.fromCharCode(sign.charCodeAt(0) - 0xfee0)],
  [/[\x1f\xa0\u1680\u2000-\u200a\u202f\u205f\u3000]/g, " "],
  [/[\u2010-\u2013\u2212\ufe58\ufe63]/g, "-"],
  [/[\u3010\u3014]/g, "["],
  [/[\u3011\u3015]/g, "]"],
  [/[\u3002\uff61]/g, "."],
  [/\u3001/g, ","],
  [/['`*~\xab\xbb\u2018-\u201f\u2032\u2033\u300c-\u300f\u301d-\u301f]/g, '"'],
];

const PIECES = new RegExp(
  `(?:"|[\\[:] ?"[ \\t\\n]+)(P)(?="|[ \\t\\n]+"[,;\\])}])|\\[(P)(?=,[^\\[\\]]{0,300}\\])`.replace(
    /P/g,
    `${H}{1,39}(?:[ \\t\\n]+${H}{1,39}){1,3}`,
  ),
  "gu",
);

/** The text of octets that are neither of a key nor of a name; others as they are. */
function octets(run) {
  const bytes = Buffer.from(run.replace(/[=%]/g, ""), "hex");
  const decoded = bytes.toString();
  const isText = Buffer.from(decoded).equals(bytes);
  return isText && !IN_A_KEY_OR_NAME.test(decoded) ? decoded : run;
}

function shown(_, name = "a") {
  if (INLINE.test(name)) return "";
  return /^t[dh]$/i.test(name) ? "\t" : "\n";
}

function character(entity, decimal, hexadecimal, name) {
  if (name) return Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : entity;
  const code = decimal ? Number(decimal) : parseInt(hexadecimal, 16);
  const isText = code < 0xd800 || (code >= 0xe000 && code < 0x110000);
  return isText ? String.fromCodePoint(code) : entity;
}

function joinPieces(pieces, quoted, bracketed) {
  const written = quoted ?? bracketed;
  const digits = written.replace(/[ \t\n]/g, "");
  return digits.length === 40 ? pieces.replace(written, digits) : pieces;
}

/** A text as it was written, as far as that can be told. */
function undamaged(source) {
  let text = source
    .replace(/=[ \t]*(?:\r\n?|\n)/g, " \n")
    .replace(OCTETS, octets)
    .replace(TAG, shown)
    .replace(ENTITY, character);
  for (let level = 0; level < 3 && text.includes('\\"'); level += 1)
    text = text.replace(/\\(["\\/bfnrt]|u001[bB])/g, (_, sign) => ESCAPES[sign] ?? sign);
  text = text
    .replace(/\\[nrt](?=[0-9a-fA-F]{40})/g, "\n")
    .replace(/\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]/g, "\n")
    .replace(TERMINAL, "")
    .replace(UNSEEN, "");
  for (const [pattern, sign] of FOLDED) text = text.replace(pattern, sign);
  return text
    .replace(/[>|\u2500-\u257f]/g, " ")
    .replace(/^[ \t]*(?:[":#%!\u2022\u2023\u25aa\xb7-]{1,9}(?=[ \t])|\+)/gm, " ")
    .replace(/"{1,2}(?:hostname|profile|check)"{1,2} ?:[ \t\n]{0,2}/gi, "")
    .replace(/,?[ \t\n]{0,2}(?:host[ _-]?name|\u4e3b\u673a\u540d|profile|check) ?[:=]/gi, ",")
    .replace(PIECES, joinPieces);
}

// The keys in such a text.

const WORD_OF_DIGITS = new RegExp(
  `(?<![0-9A-Za-z/%-])(?<![\\0-@\\[-\`{-\\x7f]=)(?<!=${H}{2}=)(?<!^=)${H}{4,}(?![0-9A-Za-z-])`,
  "g",
);

/** The words of digits that have nothing but white space between them. */
function runsOf(text) {
  const runs = [];
  let end = -1;
  for (const found of text.matchAll(WORD_OF_DIGITS)) {
    const word = { digits: found[0], start: found.index, end: found.index + found[0].length };
    const around = text.slice(Math.max(0, word.start - 1), word.start) + text.slice(word.end, word.end + 1);
    if (word.digits.length !== 40 && /[^\0-\x7f]/.test(around)) continue;
    word.gap = end < 0 ? "." : text.slice(end, word.start);
    if (/[^ \t\n]/.test(word.gap)) runs.push([]);
    runs[runs.length - 1].push(word);
    end = word.end;
  }
  return runs;
}

/** Whether a word beside a key is something of its own. */
function isApart(digits, gap, isAfter) {
  const { length } = digits;
  if (/[a-f]/i.test(digits)) return !/[0-9]/.test(digits) && length <= 7;
  return length <= 15 && (length >= 10 || (!gap.includes("\n") && (!isAfter || length <= 7)));
}

function areKeys(run) {
  let named = null;
  for (let at = 1; at < run.length; at += 1) {
    const [former, word] = [run[at - 1], run[at]];
    const [wasKey, isKey] = [former, word].map(({ digits }) => digits.length === 40);
    const other = isKey ? former : word;
    if (wasKey && word.digits.length === 12) named = word;
    else if (isKey !== wasKey && other !== named && !isApart(other.digits, word.gap, wasKey)) return false;
  }
  return true;
}

function areGroups(run) {
  const words = run.map(({ digits }) => digits);
  const digits = words.join("");
  const last = words[words.length - 1];
  const size = words[0].length;
  if (digits.length !== 40 || words.length < 3) return false;
  if (words.slice(0, -1).some((word) => word.length !== size) || last.length > size) return false;
  if (last.length < size && !/[a-f]/i.test(last)) return false;
  if (/[A-F]/.test(digits) || !/[a-f]/.test(digits) || !/[0-9]/.test(digits)) return false;
  const gaps = run.slice(1).map(({ gap }) => gap);
  const lines = [1];
  for (const gap of gaps) {
    if (gap.includes("\n")) lines.push(1);
    else lines[lines.length - 1] += 1;
  }
  const isEven = new Set(gaps.filter((gap) => !gap.includes("\n"))).size <= 1;
  return isEven && new Set(lines).size === 1;
}

// What follows a key.

const CODE = "[ghjkmnpqrstvwxyz]{6}";
const CHECK_ALONE = new RegExp(`^[ \\t\\n]*check[ \\t\\n]+${CODE}[ \\t\\n]*$`, "i");
const ELEMENT = new RegExp(`^(hk1-(?:host|cluster|site)|check[ \\t\\n]+${CODE})(?![0-9A-Za-z_-])`, "i");
const NOT_PRINTED = new RegExp(
  "[\\0-\\x1f\\x7f-\\xa0\\xad\\u061c\\u1680\\u180e\\u2000-\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000" +
    "\\ud800-\\uf8ff\\ufdd0-\\ufdef\\ufeff\\ufff9-\\ufffb\\ufffe\\uffff\\u{e0000}-\\u{10ffff}]",
  "u",
);
const LETTER_OR_DIGIT = new RegExp(
  "[0-9A-Za-z\\xc0-\\xd6\\xd8-\\xf6\\xf8-\\u1fff\\u2c00-\\u2dff\\u2e80-\\u2fff\\u3040-\\ufdff" +
    "\\ufe70-\\ufeff\\u{10000}-\\u{1efff}\\u{1fb00}-\\u{10ffff}]",
  "u",
);
const lower = (source) => source.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
const unspaced = (source) => source.replace(/[ \t\n]/g, "");

/** The profile, the check code or another word in quotes that is next, and what follows it. */
function elementOf(source) {
  const rest = source.replace(/^["\s]*/, "");
  const quoted = /^[,;][ \t\n]*"+([^"]{1,80})"/u.exec(rest);
  if (quoted) return { word: lower(unspaced(quoted[1])), rest: rest.slice(quoted[0].length) };
  const bare = rest.replace(/^[,;]?["\s]*/, "");
  const plain = ELEMENT.exec(bare);
  if (!plain) return { word: "", rest: source };
  return { word: lower(unspaced(plain[1])), rest: bare.slice(plain[0].length) };
}

/** A hostname as it stood, or undefined where it can be none. */
function hostnameOf(source) {
  let name = unspaced(source).replace(/\\+[uU](?=[0-9a-fA-F]{4})/g, "\\u");
  try {
    name = JSON.parse(`"${name}"`);
  } catch {
    // it has no escapes of JSON, and stands for itself
  }
  name = [...lower(name).replace(/\.+$/, "")].slice(0, 200).join("");
  return NOT_PRINTED.test(name) || !LETTER_OR_DIGIT.test(name) ? undefined : name;
}

function isHostname(plain, gap, rest) {
  if (!/^[0-9A-Za-z][0-9A-Za-z._-]*$/.test(plain) || !/[A-Za-z]/.test(plain)) return false;
  if (!plain.endsWith(".") && !/^ *(?:[\t\n",;()[\]{}]|$)/.test(rest)) return false;
  const isColumn = gap.includes("\t") || /^ *[\])}]/.test(rest);
  return (isColumn || /[0-9_-]/.test(plain)) && plain.length !== 40;
}

/** The name that follows a key, or undefined, and what follows the name. */
function nameAfter(source) {
  const none = { name: undefined, rest: source };
  const start = /^["\s]*/.exec(source)[0].length;
  const gap = source.slice(0, start) + /^[,;]?\s*/.exec(source.slice(start))[0];
  if (!/[,;]/.test(gap) && gap.split("\n").length > 2) return none;
  const after = source.slice(gap.length);
  const quoted = /^"+([^"]{1,2000})"(?=[\s"\\,;()[\]{}]|$)/u.exec(after);
  if (quoted && CHECK_ALONE.test(quoted[1])) return none;
  if (quoted) return { name: hostnameOf(quoted[1]), rest: after.slice(quoted[0].length) };
  const plain = (/^[^\s",;()[\]{}]{1,2000}/u.exec(after) || [""])[0];
  if (plain === "") return none;
  const rest = after.slice(plain.length);
  if (lower(plain) === "null") return { name: undefined, rest };
  const { word } = elementOf(rest);
  const isNamed = (word !== "hk1" && Object.hasOwn(PROFILES, word)) || /^check./u.test(word);
  const isName = isNamed && !["check", ...Object.keys(PROFILES)].includes(lower(plain));
  return isName || isHostname(plain, gap, rest) ? { name: hostnameOf(plain), rest } : none;
}

function checkCode(key, name, profile) {
  let sum = 0;
  for (const character of `${key}\n${name ?? ""}\n${profile}`)
    sum = (sum * 1000003 + character.codePointAt(0)) % 16777213;
  return sum.toString(16).padStart(6, "0").replace(/./g, (digit) => "ghjkmnpqrstvwxyz"[parseInt(digit, 16)]);
}

/** The request of a key in hexadecimal digits and what stands after it. */
function bareLine(digits, source) {
  let { name, rest } = nameAfter(source.replace(/^_+/, ""));
  let profile = "hk1";
  let check = null;
  for (let count = 0; count < 3; count += 1) {
    const element = elementOf(rest);
    rest = element.rest;
    if (Object.hasOwn(PROFILES, element.word)) profile = element.word;
    else if (/^check./u.test(element.word)) check = element.word.slice(5);
  }
  const key = digits.toLowerCase();
  if (check !== null && check !== checkCode(key, name, profile)) throw new Refused("request-damaged");
  const request = { ver: 1, key, profile };
  return name === undefined ? request : { ...request, name };
}

/** The request in the bare lines of a text. */
function bareRequest(source) {
  const text = undamaged(source);
  const keys = new Set();
  const found = [];
  for (const run of runsOf(text)) {
    const whole = run.filter(({ digits }) => digits.length === 40);
    const isRefused = whole.length > 0 && !areKeys(run);
    for (const { digits, end } of whole) {
      keys.add(digits.toLowerCase());
      if (!isRefused) found.push(bareLine(digits, text.slice(end)));
    }
    if (!whole.length && areGroups(run)) {
      const digits = run.map((word) => word.digits).join("");
      keys.add(digits);
      found.push(bareLine(digits, text.slice(run[run.length - 1].end)));
    }
  }
  if (!found.length) throw new Refused("request-unreadable");
  if (keys.size > 1) throw new Refused("request-ambiguous");
  const named = found.filter(({ name }) => name !== undefined).pop();
  const profile = found.map((request) => request.profile).findLast((one) => one !== "hk1") || "hk1";
  return { ...(named || found[0]), profile };
}

/** The request in what an operator sent. */
function parseRequest(source) {
  if ([...source].length > LARGEST_FILE) throw new Refused("request-unreadable");
  const blocks = readBlocks(source, "request-damaged");
  const found = tokensOf(blocks, "LICENSE REQUEST").map(openRequest);
  if (!found.length && tokensOf(blocks, "LICENSE").length) throw new Refused("request-unreadable");
  if (!found.length) return bareRequest(source);
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
  "host-cluster-unknown": 48,
  "host-site-unknown": 49,
  "host-not-in-site": 53,
  "trusted-key-invalid": 21,
  "pinned-address-differs": 34,
  "gpus-not-licensed": 35,
  "keyset-rolled-back": 37,
  "roots-invalid": 38,
  "roots-skipped": 39,
  "license-expired": 40,
  "license-not-yet-valid": 41,
  "clock-set-back": 42,
  "license-revoked": 43,
  "license-returned": 55,
  "maintenance-ended": 44,
  "pinned-address-invalid": 46,
  "request-unreadable": 50,
  "request-damaged": 51,
  "request-ambiguous": 52,
};

const trustedKey = (x) => orRefused("trusted-key-invalid", () => keyFrom(fromBase64url(x)));

const KINDS = {
  host(lines, body) {
    const host = JSON.parse(body);
    return { key: hostKey(host, lines.profile), tags: hostTags(host, lines.profile) };
  },
  text: (lines, body) => ({ request: parseRequest(body.toString()) }),
  thumbprint: (lines, body) => ({ kid: trustedKey(JSON.parse(body).x).kid }),
  signature(lines, body) {
    const key = trustedKey(lines.x);
    const signature = Buffer.from(lines.signature, "base64url");
    const isSignature = signature.toString("base64url") === lines.signature;
    return { holds: isSignature && verifies(key, signature, body) };
  },
  license(lines, body, roots) {
    const json = (name) => (name in lines ? JSON.parse(lines[name]) : undefined);
    const beside = (name) => (name in lines ? Buffer.from(lines[name], "base64") : null);
    const keys = json("roots");
    return check(body, {
      roots: keys ? keys.map(trustedKey) : roots,
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
  const paths = require("node:readline").createInterface({ input: process.stdin });
  paths.on("line", (path) => console.log(JSON.stringify(answer(fs.readFileSync(path), roots))));
}
