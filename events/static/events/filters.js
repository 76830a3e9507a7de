// Filters apply as soon as they are chosen; without scripts their button applies them. Focus and scroll position stay.
"use strict";

// The button isn't needed where this runs.
document.documentElement.dataset.applies = "";

(() => {
  const APPLYING = "form.tally-filters[role=search]";
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, summary";
  const KEPT = "tally-focus"; // in the session's storage: what had the focus when the page was left
  // Milliseconds until a choice counts as made: people tick several boxes, type a date digit by digit, and go
  // through the options of a select by its arrow keys.
  const PAUSES = { checkbox: 500, date: 1500, "datetime-local": 1500, keys: 600 };
  const FRAMES = 60; // in which a hidden page is shown

  const fieldsOf = (form) => [...form.elements].filter((field) => field.name);

  // Fields that are empty stay out of the address.
  const addressOf = (form) => {
    const asked = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const action = new URL(form.getAttribute("action") ?? "", location.href);
    const query = String(asked);
    return `${action.pathname}${query && `?${query}`}${action.hash}`;
  };

  const keep = (form) => {
    const held = document.activeElement;
    const isField = held?.form === form && held.name;
    const kept = {
      path: location.pathname,
      top: window.scrollY,
      name: isField ? held.name : "",
      value: held?.type === "checkbox" ? held.value : "",
      place: form.contains(held) ? [...form.querySelectorAll(FOCUSABLE)].indexOf(held) : -1,
      lists: Object.fromEntries(
        [...form.querySelectorAll("details[open] > fieldset")].map((list) => [list.querySelector("input")?.name, list.scrollTop]),
      ),
    };
    sessionStorage.setItem(KEPT, JSON.stringify(kept));
  };

  const keptOn = (path) => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    sessionStorage.removeItem(KEPT);
    return kept?.path === path ? kept : null;
  };

  const heldBefore = (form, kept) => {
    if (kept.isChip) {
      return document.querySelector(".tally-chips a") ?? form.querySelector(FOCUSABLE);
    }
    const named = fieldsOf(form).filter((field) => field.name === kept.name);
    return named.find((field) => field.type !== "checkbox" || field.value === kept.value) ?? form.querySelectorAll(FOCUSABLE)[kept.place];
  };

  // The page is hidden until unfold's scripts have run, and nothing hidden takes the focus.
  const focus = (element, kept, frames = FRAMES) => {
    element.focus({ preventScroll: true });
    if (document.activeElement === element) {
      window.scrollTo({ top: kept.top, behavior: "instant" });
      const list = element.closest("details > fieldset");
      if (list) {
        list.scrollTop = kept.lists?.[element.name] ?? 0;
      }
      if (["text", "search"].includes(element.type)) {
        element.setSelectionRange(element.value.length, element.value.length);
      }
    } else if (frames) {
      requestAnimationFrame(() => focus(element, kept, frames - 1));
    }
  };

  document.addEventListener("DOMContentLoaded", () => {
    const form = document.querySelector(APPLYING);
    const kept = form && keptOn(location.pathname);
    if (!kept) {
      return;
    }
    for (const list of form.querySelectorAll("details > fieldset")) {
      list.parentElement.open = list.querySelector("input")?.name in (kept.lists ?? {});
    }
    const held = heldBefore(form, kept);
    if (held) {
      focus(held, kept);
    }
  });

  let turn = 0;
  let waiting = null; // the form that applies after the pause
  let pressed = null; // the select whose value keys have changed last

  const apply = (form) => {
    window.clearTimeout(turn);
    waiting = null;
    form.requestSubmit();
  };

  document.addEventListener("keydown", ({ target }) => { pressed = target.matches("select") ? target : null; });
  document.addEventListener("pointerdown", () => { pressed = null; });

  document.addEventListener("change", ({ target }) => {
    const form = target.form;
    // Days of one's own are chosen by the two fields that this option shows.
    if (!form?.matches(APPLYING) || target.value === "custom") {
      return;
    }
    window.clearTimeout(turn);
    waiting = form;
    turn = window.setTimeout(() => apply(form), PAUSES[pressed === target ? "keys" : target.type] ?? 0);
  });

  // Who goes on to something else has chosen.
  document.addEventListener("focusout", ({ target, relatedTarget }) => {
    if (waiting && target.form === waiting && target.type !== "checkbox" && relatedTarget) {
      window.setTimeout(() => waiting && apply(waiting));
    }
  });

  document.addEventListener("submit", (submit) => {
    const form = submit.target;
    if (form.matches("form.tally-filters") && form.method === "get") {
      submit.preventDefault();
      keep(form);
      location.assign(addressOf(form));
    }
  });

  // A filter that is lifted takes its link along: the focus goes to the next one.
  document.addEventListener("click", ({ target }) => {
    if (target.closest(".tally-chips a")) {
      sessionStorage.setItem(KEPT, JSON.stringify({ path: location.pathname, top: window.scrollY, isChip: true }));
    }
  });

  // Coming back by the browser's history, the fields say again what the page shows.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted) {
      document.querySelectorAll("form.tally-filters").forEach((form) => form.reset());
    }
  });
})();
