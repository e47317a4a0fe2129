"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // A click selects a callback URL whole, ready to be copied.
  for (const input of document.querySelectorAll(".zenvia-copy")) {
    input.addEventListener("click", () => input.select());
  }

  // "Add subscription": show what is sent for the chosen account and topics alone.
  const form = document.getElementById("zenvia-add-subscription");
  if (!form) {
    return;
  }
  const update = () => {
    const chosen = new FormData(form);
    for (const preview of form.querySelectorAll(".zenvia-preview")) {
      const { account, topic } = preview.dataset;
      preview.hidden = account !== chosen.get("account") || !chosen.getAll("topics").includes(topic);
      preview.querySelector(".zenvia-request").hidden = chosen.has("by_hand");
    }
  };
  form.addEventListener("change", update);
  update();
});
