// A page about work in progress: fetched again until the work is finished. What changed is replaced; focus and
// scroll position stay.
"use strict";

(() => {
  const FOCUSABLE = "a[href], button, input:not([type=hidden]), select, summary, [tabindex]";
  const nameOf = (part) => part.id || part.getAttribute("aria-labelledby") || part.className;
  const partsOf = (page) => new Map([...page.children].map((part) => [nameOf(part), part]));
  // Each response has another form of the same token.
  const TOKEN = /(name="csrfmiddlewaretoken" value=)"[^"]*"/g;
  const written = (part) => part.outerHTML.replace(TOKEN, "$1");
  const textsOf = (page) => new Map([...partsOf(page)].map(([name, part]) => [name, written(part)]));

  const replace = (old, part) => {
    const held = [...old.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement);
    old.replaceWith(part);
    if (held >= 0) {
      part.querySelectorAll(FOCUSABLE)[held]?.focus({ preventScroll: true });
    }
  };

  const take = (page, fresh, known) => {
    const old = partsOf(page);
    const now = textsOf(fresh);
    for (const [name, part] of old) {
      if (!now.has(name)) {
        part.remove();
      }
    }
    let before = null;
    for (const [name, part] of partsOf(fresh)) {
      const shown = old.get(name);
      if (!shown) {
        before ? before.after(part) : page.prepend(part);
      } else if (now.get(name) !== known.get(name)) {
        replace(shown, part);
      }
      before = partsOf(page).get(name);
    }
    return now;
  };

  document.addEventListener("DOMContentLoaded", () => {
    const page = document.querySelector("main[data-refresh]");
    if (!page) {
      return;
    }
    // The result is announced, the steps to it are not. Screen readers want the region before its text.
    const result = document.createElement("p");
    result.setAttribute("role", "status");
    result.className = "tally-announced";
    page.after(result);

    let known = textsOf(page);
    let isAsking = false;
    const ask = async () => {
      if (document.hidden || isAsking || !page.dataset.refresh) {
        return;
      }
      isAsking = true;
      try {
        const response = await fetch(location.href, { credentials: "same-origin" });
        if (response.status === 404 || response.redirected) {
          // The page is gone, or the session is over.
          window.clearInterval(turn);
          delete page.dataset.refresh;
          return;
        }
        const text = await response.text();
        const fresh = new DOMParser().parseFromString(text, "text/html").querySelector("main.tally-page");
        if (response.ok && fresh) {
          const isOver = !fresh.dataset.refresh;
          known = take(page, fresh, known);
          if (isOver) {
            delete page.dataset.refresh;
            window.clearInterval(turn);
            result.textContent = page.querySelector(".tally-sentence").textContent;
          }
        }
      } catch {
        // The server can't be reached: the page stays as it is, and the next turn may succeed.
      } finally {
        isAsking = false;
      }
    };
    const turn = window.setInterval(ask, Number(page.dataset.refresh) * 1000);
    document.addEventListener("visibilitychange", ask);
  });
})();
