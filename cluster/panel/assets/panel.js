// Small things that need a script; every page works without it.
"use strict";

// Durations of calls in progress go on between two updates.
function clock(seconds) {
  const two = (n) => String(n).padStart(2, "0");
  const s = Math.max(0, Math.floor(seconds));
  const hours = Math.floor(s / 3600);
  const minutes = Math.floor(s / 60) % 60;
  return hours ? `${hours}:${two(minutes)}:${two(s % 60)}` : `${minutes}:${two(s % 60)}`;
}

setInterval(() => {
  for (const e of document.querySelectorAll("[data-since]")) {
    e.textContent = clock((Date.now() - Date.parse(e.dataset.since)) / 1000);
  }
}, 1000);

// Whoever is logged out is led to the login, and a broken stream is told.
document.addEventListener("htmx:sse:error", (event) => {
  if (event.detail.status === 401) location.reload();
  for (const e of document.querySelectorAll(".live > [hidden]")) e.hidden = false;
});
document.addEventListener("htmx:sse:after:connection", () => {
  for (const e of document.querySelectorAll(".live > *")) e.hidden = true;
});

// A password can be copied where the browser allows it.
for (const button of document.querySelectorAll("[data-copy]")) {
  if (!navigator.clipboard) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
    document.getElementById("copied").textContent = " Copied.";
  });
}

// After a form was refused, the reader is taken to what is wrong.
document.querySelector('[role="alert"] a, [aria-invalid="true"]')?.focus();
