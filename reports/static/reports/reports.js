// Report pages beside their drawings: tables that fold, filters that close, the reader's own zone, pages that ask again.
"use strict";

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

  // Names of many parts break between them, where they must.
  const breakable = (within) => {
    for (const name of within.querySelectorAll(".tally-report-table tbody th .tally-id:not(.tally-one-line)")) {
      if (!name.children.length) {
        const parts = name.textContent.split(/(?<=[_./])(?=\p{L})/u);
        name.replaceChildren(...parts.flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part])));
      }
    }
  };

  const closePicks = (but) => {
    for (const details of document.querySelectorAll(".tally-pick details[open]")) {
      if (details !== but) {
        details.open = false;
      }
    }
  };

  // What a fresh answer may replace, by name; the filters stay as the reader has them.
  const PARTS = ":scope > :not(.tally-report-bar, .tally-blocks), :scope > .tally-blocks > *";
  const FOCUSED = "a[href], button, input, select, summary, [tabindex]";
  const nameOf = (part) => part.id || part.className;
  const partsOf = (report) => new Map([...report.querySelectorAll(PARTS)].map((part) => [nameOf(part), part]));
  const written = (report) => new Map([...partsOf(report)].map(([name, part]) => [name, part.outerHTML]));

  // Puts a part in another's place; tables stay scrolled as they were, and what has the focus keeps it.
  const put = (old, part) => {
    const scrolled = [...old.querySelectorAll(".tally-table")].map((table) => [table.scrollLeft, table.scrollTop]);
    const held = [...old.querySelectorAll(FOCUSED)].indexOf(document.activeElement);
    old.replaceWith(part);
    fold(part);
    breakable(part);
    part.querySelectorAll(".tally-table").forEach((table, place) => {
      [table.scrollLeft, table.scrollTop] = scrolled[place] || [0, 0];
    });
    if (held >= 0) {
      part.querySelectorAll(FOCUSED)[held]?.focus({ preventScroll: true });
    }
  };

  // Asks for the page once more and replaces the parts that differ from the answer before; not for nobody.
  const asker = (report) => {
    let known = written(report);
    let isAsking = false;

    const take = (fresh) => {
      const now = written(fresh);
      const old = partsOf(report);
      const blocks = report.querySelector(":scope > .tally-blocks");
      // What stands behind a new part; what stays isn't moved, for it would lose the focus.
      const behind = new Map([...partsOf(fresh).values()].map((part) => [part, part.nextElementSibling]));
      const here = (part) => {
        if (!part || report.contains(part)) {
          return part;
        }
        return part.matches(".tally-blocks") ? blocks : partsOf(report).get(nameOf(part));
      };
      for (const [name, part] of old) {
        if (!now.has(name)) {
          part.remove();
        }
      }
      for (const [name, part] of [...partsOf(fresh)].reverse()) {
        if (!old.has(name)) {
          const place = part.parentElement === fresh ? report : blocks;
          place.insertBefore(part, here(behind.get(part)) ?? null);
          fold(part);
          breakable(part);
        } else if (now.get(name) !== known.get(name)) {
          put(old.get(name), part);
        }
      }
      known = now;
      report.dispatchEvent(new CustomEvent("tally:fresh"));
    };

    return async () => {
      if (document.hidden || isAsking) {
        return;
      }
      isAsking = true;
      try {
        const answer = await fetch(location.href, { credentials: "same-origin" });
        const text = await answer.text();
        const fresh = new DOMParser().parseFromString(text, "text/html").getElementById("report");
        if (answer.ok && fresh) {
          take(fresh);
        }
      } catch {
        // No way to the server: what is shown says of when it is, and the next turn may succeed.
      } finally {
        isAsking = false;
      }
    };
  };

  document.addEventListener("DOMContentLoaded", () => {
    const report = document.getElementById("report");
    // Before anything else changes what was sent.
    const askAgain = report.dataset.refresh && asker(report);
    fold(report);
    breakable(report);
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const zones = document.getElementById("zones");
    if (zone && zones && ![...zones.options].some((option) => option.value === zone)) {
      zones.prepend(new Option(zone, zone));
    }
    if (askAgain) {
      window.setInterval(askAgain, Number(report.dataset.refresh) * 1000);
      document.addEventListener("visibilitychange", askAgain);
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

  // A row opens what its name leads to; arrows go from row to row, in the column that has the focus.
  const ROW = ".tally-report-table tbody tr";
  document.addEventListener("click", (click) => {
    const link = click.target.closest(ROW)?.querySelector(":scope > th a");
    if (link && !click.target.closest("a") && getSelection().isCollapsed) {
      if (click.ctrlKey || click.metaKey) {
        window.open(link.href);
      } else {
        location.assign(link.href);
      }
    }
  });
  document.addEventListener("keydown", (press) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[press.key];
    const from = step && press.target.closest(ROW) && press.target.closest("a");
    if (from) {
      const cell = from.closest("th, td");
      const row = cell.parentElement[step];
      const to = row && (row.cells[cell.cellIndex].querySelector("a") || row.querySelector("a"));
      if (to) {
        press.preventDefault();
        to.focus();
      }
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
