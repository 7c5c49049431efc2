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

// A list's filters act as soon as one is chosen.
for (const form of document.querySelectorAll("form[data-live]")) {
  form.addEventListener("change", (event) => {
    if (event.target.matches("select, input[type=date], input[type=checkbox]")) form.requestSubmit();
  });
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
    part.innerHTML = await reply.text();
    if (part.querySelector("[data-state=going]")) setTimeout(ask, 1000);
    else location.reload();
  };
  setTimeout(ask, 1000);
}
