// Report pages beside their drawings: tables that fold, filters that close, the reader's own zone, pages that ask again.
"use strict";

// Without scripts the tables stay open; with them they are folded before anybody sees them.
document.documentElement.dataset.scripted = "";

(() => {
  const OPEN = "tally-open-tables"; // in the session's storage: the tables that the reader has opened

  const opened = () => new Set(JSON.parse(sessionStorage.getItem(OPEN) || "[]"));

  const fold = (within) => {
    for (const twin of within.querySelectorAll(".tally-twin")) {
      const name = location.pathname + twin.closest(".tally-block").id;
      twin.open = opened().has(name) || location.hash === `#${twin.closest(".tally-block").id}`;
      twin.dataset.ready = "";
      twin.addEventListener("toggle", () => {
        const names = opened();
        names[twin.open ? "add" : "delete"](name);
        sessionStorage.setItem(OPEN, JSON.stringify([...names]));
      });
    }
  };

  // On a phone the answer comes first; the chips say which filters are in force.
  const foldFilters = (report) => {
    const filters = report.querySelector(".tally-filter-fold");
    filters.open = !window.matchMedia("(max-width: 767px)").matches;
    filters.dataset.ready = "";
  };

  const closePicks = (but) => {
    for (const details of document.querySelectorAll(".tally-pick details[open]")) {
      if (details !== but) {
        details.open = false;
      }
    }
  };

  // The page as it is by now takes the place of what is shown, unless the reader is at the filters.
  const askAgain = async (report) => {
    if (document.hidden || report.querySelector(".tally-report-bar").contains(document.activeElement)) {
      return;
    }
    const answer = await fetch(location.href, { credentials: "same-origin" });
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("report");
    if (!answer.ok || !fresh) {
      return;
    }
    report.replaceChildren(...fresh.childNodes);
    fold(report);
    foldFilters(report);
    report.dispatchEvent(new CustomEvent("tally:fresh"));
  };

  document.addEventListener("DOMContentLoaded", () => {
    const report = document.getElementById("report");
    fold(report);
    foldFilters(report);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const zones = document.getElementById("zones");
    if (zone && zones && ![...zones.options].some((option) => option.value === zone)) {
      zones.prepend(new Option(zone, zone));
    }
    if (report.dataset.refresh) {
      window.setInterval(() => askAgain(report).catch(() => {}), Number(report.dataset.refresh) * 1000);
    }
  });

  document.addEventListener("click", (click) => closePicks(click.target.closest(".tally-pick details")));
  document.addEventListener("keydown", (press) => {
    const details = press.key === "Escape" && press.target.closest(".tally-pick details[open]");
    if (details) {
      details.open = false;
      details.querySelector("summary").focus();
    }
  });

  const loading = (is) => document.getElementById("report")?.classList.toggle("tally-loading", is);
  document.addEventListener("submit", (submit) => {
    if (submit.target.matches(".tally-report-filters")) {
      loading(true);
    }
  });
  window.addEventListener("pageshow", () => loading(false));
})();
