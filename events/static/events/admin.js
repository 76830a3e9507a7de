// Copy buttons: `data-copy` names the element whose text goes to the clipboard. Names of what scrolls, filters that fold.
"use strict";

// Without scripts all stays open; with them it is folded before anybody sees it.
document.documentElement.dataset.scripted = "";

(() => {
  const legacyCopy = (text) => {
    // navigator.clipboard exists on secure origins only.
    const area = document.createElement("textarea");
    area.value = text;
    area.setAttribute("readonly", "");
    area.style.position = "fixed";
    area.style.opacity = "0";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done ? Promise.resolve() : Promise.reject(new Error("the browser refused"));
  };

  const copy = (text) =>
    navigator.clipboard ? navigator.clipboard.writeText(text).catch(() => legacyCopy(text)) : legacyCopy(text);

  let status = null;
  const say = (text) => {
    if (!status) {
      status = document.createElement("p");
      status.setAttribute("role", "status");
      status.className = "tally-status";
      document.body.append(status);
    }
    status.textContent = text;
    status.hidden = false;
    window.clearTimeout(say.timer);
    say.timer = window.setTimeout(() => { status.hidden = true; }, 2000);
  };

  document.addEventListener("click", (click) => {
    const button = click.target.closest("[data-copy]");
    const source = button && document.getElementById(button.dataset.copy);
    if (source) {
      copy(source.textContent).then(() => say("Copied"), () => say("Copying is not allowed here"));
    }
  });

  // SimpleBar calls all that it lets scroll "scrollable content"; it reads these names once the page is parsed.
  document.addEventListener("DOMContentLoaded", () => {
    for (const scrolling of document.querySelectorAll("[data-simplebar]")) {
      scrolling.dataset.simplebarAriaLabel = scrolling.id === "nav-sidebar-apps" ? "Navigation" : "Rows";
    }
  });

  // On phones each value of a list stands under its label, which unfold takes from the column as it is.
  document.addEventListener("DOMContentLoaded", () => {
    for (const { dataset } of document.querySelectorAll(".tally-list [data-label]")) {
      dataset.label = dataset.label.charAt(0).toUpperCase() + dataset.label.slice(1);
    }
  });

  // A long event is shown from a little above the place of its fault.
  document.addEventListener("DOMContentLoaded", () => {
    const fault = document.getElementById("fault");
    const around = fault && fault.closest("pre");
    if (around) {
      around.scrollTop = fault.offsetTop - around.offsetTop - around.clientHeight / 2;
    }
  });

  // On a phone what was found comes first; the chips say which filters are in force.
  document.addEventListener("DOMContentLoaded", () => {
    for (const filters of document.querySelectorAll(".tally-filter-fold")) {
      filters.open = !window.matchMedia("(max-width: 767px)").matches;
      filters.dataset.ready = "";
    }
  });
})();
