// What makes the desk better than its forms alone; without this file every act works as well.

const COOKIE = "hostseal_zone";

// The reader's time zone, once: pages then tell times in it.
if (!document.cookie.split("; ").some((c) => c.startsWith(COOKIE + "="))) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `${COOKIE}=${zone}; path=/; max-age=34560000; samesite=lax`;
}

// From anywhere to the box that finds anything: `/`, where nothing is typed into, or Ctrl-K.
const box = document.querySelector("input[data-find]");
box && document.addEventListener("keydown", (event) => {
  const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey
    && !event.target.closest("input, textarea, select, [contenteditable]");
  const k = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
  if (!slash && !k) return;
  event.preventDefault();
  box.focus();
  box.select();
});

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break; // only over https, or on this machine
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    const label = button.textContent;
    button.textContent = "✓ " + label;
    setTimeout(() => { button.textContent = label; }, 2000);
  });
}

// A list's filters act as soon as one is chosen; the keyboard stays where it was.
const CHOSEN = "hostseal_chosen";
for (const form of document.querySelectorAll("form[data-live]")) {
  const chosen = sessionStorage.getItem(CHOSEN);
  const field = chosen && form.elements.namedItem(chosen);
  if (field) field.focus();
  sessionStorage.removeItem(CHOSEN);
  form.addEventListener("change", ({ target }) => {
    if (!target.matches("select, input[type=date], input[type=checkbox]")) return;
    if (target.type === "date" && target.value && target.value < "1970") return; // half a year is typed
    sessionStorage.setItem(CHOSEN, target.name);
    form.requestSubmit();
  });
}

// Who types how long a licence holds has chosen that.
for (const field of document.querySelectorAll(".term input:not([type=radio])")) {
  field.addEventListener("input", () => {
    if (field.value) field.closest("label").querySelector("input[type=radio]").checked = true;
  });
}

// While a form for a licence is filled in, what it means is shown beside it.
for (const form of document.querySelectorAll("form[data-reading]")) {
  let waiting, asked;
  const read = async () => {
    asked?.abort();
    asked = new AbortController();
    try {
      const body = new URLSearchParams(new FormData(form));
      const reply = await fetch(form.dataset.reading, { method: "POST", body, signal: asked.signal });
      if (reply.ok && !reply.redirected) showReading(form, await reply.text());
    } catch (error) {
      if (error.name !== "AbortError" && !(error instanceof TypeError)) throw error; // no network
    }
  };
  form.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(read, 350); });
  form.addEventListener("submit", () => { clearTimeout(waiting); asked?.abort(); });
  const pasted = form.querySelector("textarea");
  if (pasted.value.trim() && !pasted.matches("[aria-invalid]")) read();
}

// A part of a page as it was sent; no script in it runs.
function parsed(text) {
  return new DOMParser().parseFromString(text, "text/html");
}

// Each part of a reading goes where it belongs; a field that is blank shows what holds then.
function showReading(form, text) {
  const page = parsed(text);
  for (const part of page.querySelectorAll("[data-into]")) {
    const place = document.getElementById(part.dataset.into);
    place.replaceChildren(...part.childNodes);
    if (place.localName === "div") place.hidden = !place.childElementCount;
  }
  for (const field of form.querySelectorAll("input[type=text], input[type=number]")) {
    const standard = page.querySelector(`data[data-standard="${field.name}"]`);
    field.placeholder = standard ? standard.value : "";
  }
}

// What was sent once is not sent twice.
for (const form of document.querySelectorAll("form[method=post]:not([data-download])")) {
  form.addEventListener("submit", () => {
    setTimeout(() => form.querySelectorAll("button").forEach((b) => { b.disabled = true; }), 0);
  });
}
addEventListener("pageshow", (event) => {
  if (event.persisted) document.querySelectorAll("button:disabled").forEach((b) => { b.disabled = false; });
});

// How a file is encoded that has no mark and is not UTF-8 tells nobody for certain: it is shown, and can be changed.
function encodingOf(bytes) {
  const [first, second] = new Uint8Array(bytes);
  if (first === 0xff && second === 0xfe) return "utf-16le";
  if (first === 0xfe && second === 0xff) return "utf-16be";
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return "utf-8";
  } catch {
    const isChinese = document.documentElement.lang.startsWith("zh") || inPairs(new Uint8Array(bytes));
    return isChinese ? "gb18030" : "windows-1252";
  }
}

// Whether the bytes above ASCII stand in pairs, as those of Chinese do; an accented letter stands alone.
function inPairs(bytes) {
  let run = 0;
  for (const byte of bytes) {
    if (byte >= 0x80) run += 1;
    else if (run % 2) return false;
    else run = 0;
  }
  return run % 2 === 0;
}

// A file fills the field for its text, in the encoding that is chosen where there is a choice.
for (const picker of document.querySelectorAll("[data-picker]")) {
  picker.hidden = false;
  const [input, encoding] = [picker.querySelector("input"), picker.querySelector("select")];
  const fill = async (choose) => {
    const file = input.files[0];
    if (!file) return;
    const bytes = await file.arrayBuffer();
    if (choose && encoding) encoding.value = encodingOf(bytes);
    const decoder = new TextDecoder(encoding ? encoding.value : encodingOf(bytes));
    document.getElementById(picker.dataset.picker).value = decoder.decode(bytes);
  };
  input.addEventListener("change", () => fill(true));
  encoding?.addEventListener("change", () => fill(false));
}

// How far something is that goes on: asked for each second, until it is over.
for (const part of document.querySelectorAll("[data-poll]")) {
  const ask = async () => {
    const reply = await fetch(part.dataset.poll).catch(() => null);
    if (reply && reply.redirected) { location.reload(); return; } // signed out meanwhile
    if (!reply || !reply.ok) { setTimeout(ask, 5000); return; }
    part.replaceChildren(...parsed(await reply.text()).body.childNodes);
    if (part.querySelector("[data-state=going]")) setTimeout(ask, 1000);
    else location.reload();
  };
  setTimeout(ask, 1000);
}

// What a QR code led here with stands behind the address's #, which no server sees; it outlasts signing in.
const LED_WITH = "hostseal_host";
if (location.hash.startsWith("#host=")) {
  sessionStorage.setItem(LED_WITH, scanned(location.href));
  history.replaceState(null, "", location.pathname + location.search);
}
const asks = document.querySelector("form[data-reading] textarea[name=host]");
if (asks && sessionStorage.getItem(LED_WITH)) {
  if (!asks.value.trim()) enter(asks, sessionStorage.getItem(LED_WITH));
  sessionStorage.removeItem(LED_WITH);
}

// The text of a QR code: of a link to this form, what it carries.
function scanned(text) {
  const [, carried] = text.split("#host=");
  if (!carried) return text;
  try {
    return decodeURIComponent(carried);
  } catch {
    return carried; // cut off within a character
  }
}

// As if it had been typed.
function enter(field, text) {
  field.value = text;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

// A QR code is read into its field where the browser can: by the camera, or out of a picture.
for (const part of document.querySelectorAll("[data-scan]")) {
  if (!("BarcodeDetector" in window)) break;
  BarcodeDetector.getSupportedFormats().then((formats) => {
    if (formats.includes("qr_code")) offerToScan(part, new BarcodeDetector({ formats: ["qr_code"] }));
  });
}

function offerToScan(part, detector) {
  const field = document.getElementById(part.dataset.scan);
  const [button, picture, status, video] = ["button", "input", "[role=status]", "video"].map((one) => part.querySelector(one));
  let stream;
  const stop = () => {
    stream?.getTracks().forEach((track) => track.stop());
    stream = undefined;
    video.hidden = true;
    button.setAttribute("aria-pressed", "false");
  };
  const found = (codes) => {
    if (codes.length) enter(field, codes.map((code) => scanned(code.rawValue)).join("\n"));
    return codes.length > 0;
  };
  const look = async () => {
    if (!stream) return;
    const codes = video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA ? await detector.detect(video) : [];
    if (found(codes)) { stop(); field.focus(); } else setTimeout(look, 200);
  };
  picture.addEventListener("change", async () => {
    const [file] = picture.files;
    picture.value = "";
    if (!file) return;
    const codes = await createImageBitmap(file).then((image) => detector.detect(image)).catch(() => []);
    status.textContent = found(codes) ? "" : status.dataset.none;
  });
  button.hidden = !navigator.mediaDevices;
  button.addEventListener("click", async () => {
    status.textContent = "";
    if (stream) { stop(); return; }
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    } catch {
      status.textContent = status.dataset.refused;
      return;
    }
    video.srcObject = stream;
    video.hidden = false;
    button.setAttribute("aria-pressed", "true");
    await video.play();
    look();
  });
  addEventListener("pagehide", stop);
  part.hidden = false;
}
