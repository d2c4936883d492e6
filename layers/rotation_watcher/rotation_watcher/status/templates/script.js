"use strict";
(() => {
  const page = document.documentElement;
  const made = Date.parse(page.dataset.at);
  const hours = (Date.now() - made) / 3600000;
  if (hours > 26) {
    const old = document.getElementById("old");
    old.textContent = `This page is ${Math.floor(hours)} hours old. It is written at least once a day: ` +
      "if this is the newest one, the report function does not run, and nothing here can be relied on.";
    old.hidden = false;
    document.querySelector(".verdict").classList.add("past");
  }
  const search = document.getElementById("search");
  const box = search && search.closest(".search");
  const rows = [...document.querySelectorAll("[data-words]")];
  if (search && rows.length > 1) {
    box.hidden = false;
    const found = document.getElementById("found");
    const folds = [...document.querySelectorAll("details.group")].map((fold) => [fold, fold.open]);
    search.addEventListener("input", () => {
      const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
      let number = 0;
      for (const row of rows) {
        const there = words.every((word) => row.dataset.words.toLowerCase().includes(word));
        row.hidden = !there;
        number += there ? 1 : 0;
      }
      for (const [fold, open] of folds) {
        fold.open = words.length ? true : open;
        fold.hidden = words.length > 0 && !fold.querySelector("[data-words]:not([hidden])");
      }
      found.textContent = words.length ? `${number} of ${rows.length} targets` : "";
    });
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });
})();
