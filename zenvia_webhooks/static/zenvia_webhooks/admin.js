"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // A click selects a callback URL whole, ready to be copied.
  document.addEventListener("click", ({ target }) => {
    if (target.matches(".zenvia-copy")) {
      target.select();
    }
  });

  // Buttons that copy a text: without us, they are not there.
  for (const button of document.querySelectorAll("[data-zenvia-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.zenviaCopy);
      const text = source.value || source.textContent;
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        const area = document.createElement("textarea"); // not over https, so without the browser's clipboard
        area.value = text;
        button.after(area);
        area.select();
        document.execCommand("copy");
        area.remove();
      }
      button.classList.add("zenvia-copied");
      setTimeout(() => button.classList.remove("zenvia-copied"), 1500);
    });
  }

  // What changes by itself is fetched anew, as long as it says so.
  const refresh = async () => {
    const part = document.querySelector("[data-zenvia-refresh]");
    if (!part) {
      return;
    }
    const response = await fetch(location.href).catch(() => null);
    if (response && response.ok && !response.redirected) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      const now = fresh.getElementById(part.id);
      if (now && !now.dataset.zenviaRefresh) {
        location.reload(); // it is finished: the buttons have changed, too
        return;
      }
      now && part.replaceWith(now);
    }
    setTimeout(refresh, part.dataset.zenviaRefresh * 1000);
  };
  setTimeout(refresh, 1000);

  // "Add subscription": whatever is chosen, the server shows at once what would be sent, as the button does without us.
  const form = document.getElementById("zenvia-add-subscription");
  const button = form && form.querySelector("[name=_preview]");
  if (!button) {
    return;
  }
  button.hidden = true;
  let latest = 0;
  form.addEventListener("change", async ({ target }) => {
    const turn = ++latest;
    const body = new FormData(form);
    body.append("_preview", "1");
    const response = await fetch(form.action, { method: "POST", body }).catch(() => null);
    if (!response || !response.ok || response.redirected) {
      button.hidden = false;
      return;
    }
    const shown = new DOMParser().parseFromString(await response.text(), "text/html");
    if (turn !== latest) {
      return;
    }
    // Another account has other topics.
    for (const part of target.name === "account" ? [".field-topics", ".zenvia-previews"] : [".zenvia-previews"]) {
      form.querySelector(part).replaceWith(shown.querySelector(part));
    }
  });
});
