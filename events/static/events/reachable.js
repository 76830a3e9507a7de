// What unfold leaves to the mouse and the eye: its menus by keyboard, closed by Escape, and icons that aren't read out.
"use strict";

(() => {
  const NATIVE = "a[href], button, input, select, textarea";
  // What opens something, by the state that it turns over: its name where it has no text, and what it opens.
  const OPENERS = {
    openUserLinks: { opened: (opener) => opener.previousElementSibling },
    navigationOpen: { opened: (opener) => opener.nextElementSibling },
    openTheme: { name: "Theme", opened: (opener) => opener.nextElementSibling },
    sidebarDesktopOpen: { name: "Navigation", opened: () => document.getElementById("nav-sidebar") },
    sidebarMobileOpen: { name: "Navigation", opened: () => document.getElementById("nav-sidebar") },
  };

  const isShown = (element) => element.getClientRects().length > 0;

  // A heading stays one: what is in it becomes the button, whose clicks reach it.
  const buttonOf = (element) => {
    const button = /^H\d$/.test(element.tagName) ? document.createElement("span") : element;
    if (button !== element) {
      button.style.cssText = "display: flex; flex: 1; align-items: center";
      button.append(...element.childNodes);
      element.append(button);
    }
    button.setAttribute("role", "button");
    button.tabIndex = 0;
    return button;
  };

  const openers = [];
  const makeOpener = (element, { name, opened: find }) => {
    const [button, opened] = [buttonOf(element), find(element)];
    if (name) {
      button.setAttribute("aria-label", name);
    }
    const tell = () => button.setAttribute("aria-expanded", String(isShown(opened)));
    tell();
    // Whatever closes it, unfold hides it by a style or a class, of its own or of what is around it.
    const watched = { attributes: true, attributeFilter: ["style", "class"] };
    for (const place of [opened, opened.parentElement, opened.parentElement.parentElement]) {
      new MutationObserver(tell).observe(place, watched);
    }
    openers.push({ button, opened });
  };

  // Its two landmarks of one kind, told apart.
  const NAMES = { "#nav-sidebar-inner": "Navigation", "#nav-sidebar-inner nav": "Account" };

  document.addEventListener("DOMContentLoaded", () => {
    for (const [selector, name] of Object.entries(NAMES)) {
      document.querySelector(selector)?.setAttribute("aria-label", name);
    }
    for (const element of document.querySelectorAll("[x-on\\:click]")) {
      if (!element.matches(NATIVE)) {
        const state = Object.keys(OPENERS).find((name) => element.getAttribute("x-on:click").startsWith(name));
        if (state) {
          makeOpener(element, OPENERS[state]);
        } else if (element.tagName === "A") {
          buttonOf(element);
        }
      }
    }
    for (const icon of document.querySelectorAll(".material-symbols-outlined:not([role])")) {
      // Where an icon is all that names a control, it is better than nothing.
      const control = icon.closest("a, button");
      if (!control || control.ariaLabel || control.textContent.trim() !== icon.textContent.trim()) {
        icon.setAttribute("aria-hidden", "true");
      }
    }
  });

  document.addEventListener("keydown", (press) => {
    if (["Enter", " "].includes(press.key) && press.target.matches("[role=button]:not(button)")) {
      press.preventDefault();
      press.target.click();
    }
    if (press.key === "Escape") {
      // Menus lie over the page, the wide navigation beside it: only what hides something goes.
      const over = openers.filter(({ opened }) => opened.matches("nav") && isShown(opened));
      for (const { button } of over) {
        button.click();
        button.focus();
      }
    }
  });
})();
