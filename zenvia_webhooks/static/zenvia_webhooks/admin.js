"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // A click selects a callback URL whole, ready to be copied.
  document.addEventListener("click", ({ target }) => {
    if (target.matches(".zenvia-copy")) {
      target.select();
    }
  });

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
