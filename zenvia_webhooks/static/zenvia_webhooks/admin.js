"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // A click selects a callback URL whole, ready to be copied.
  document.addEventListener("click", ({ target }) => {
    if (target.matches(".zenvia-copy")) {
      target.select();
    }
  });

  // Buttons that copy a text: without us, they are not there.
  const offerCopies = () => document.querySelectorAll("[data-zenvia-copy]").forEach((button) => {
    button.hidden = false;
    button.onclick = async () => {
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
    };
  });
  offerCopies();

  // What changes by itself is fetched anew, as long as it says so.
  const refresh = async () => {
    const part = document.querySelector("[data-zenvia-refresh]");
    if (!part) {
      return;
    }
    const response = await fetch(part.dataset.zenviaFrom || location.href).catch(() => null);
    if (response && response.ok && !response.redirected) {
      const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
      const now = fresh.getElementById(part.id);
      // A screen reader says what changes within a part that stays.
      const [live, said] = [document, fresh].map((one) => one.getElementById("zenvia-live"));
      if (live && said && live.textContent !== said.textContent) {
        live.textContent = said.textContent;
      }
      if (now && !now.dataset.zenviaRefresh && !part.dataset.zenviaFrom) {
        // It is finished: the buttons have changed, too.
        document.getElementById("content-main").replaceWith(fresh.getElementById("content-main"));
        offerCopies();
        return;
      }
      if (now && now.innerHTML !== part.innerHTML) {
        part.replaceWith(now);
        offerCopies();
      }
      if (part.dataset.zenviaFrom) {
        return;
      }
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
  let isOtherAccount = false;
  form.addEventListener("change", async ({ target }) => {
    const turn = ++latest;
    // Kept until an answer is shown: the next change may come before this one's.
    isOtherAccount ||= target.name === "account";
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
    for (const part of isOtherAccount ? [".field-topics", ".zenvia-previews"] : [".zenvia-previews"]) {
      form.querySelector(part).replaceWith(shown.querySelector(part));
    }
    isOtherAccount = false;
  });
});
