// What makes the desk better than its forms alone; without this file every act works as well.

const COOKIE = "hostseal_zone";

// The reader's time zone, once: pages then tell times in it.
if (!document.cookie.split("; ").some((c) => c.startsWith(COOKIE + "="))) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `${COOKIE}=${zone}; path=/; max-age=34560000; samesite=lax`;
}

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

// A file fills the field for its text; as UTF-8, or else as GB18030.
for (const picker of document.querySelectorAll("[data-picker]")) {
  picker.hidden = false;
  picker.querySelector("input").addEventListener("change", async (event) => {
    const file = event.target.files[0];
    if (!file) return;
    const bytes = await file.arrayBuffer();
    let text;
    try {
      text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      text = new TextDecoder("gb18030").decode(bytes);
    }
    document.getElementById(picker.dataset.picker).value = text;
  });
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
