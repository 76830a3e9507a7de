// The page to try the API at: Swagger UI over our own description, in the theme that the admin has.
"use strict";

(() => {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const chosen = () => {
    try {
      return JSON.parse(localStorage.getItem("_x_adminTheme")); // unfold's
    } catch {
      return null;
    }
  };
  const show = () => {
    const theme = chosen();
    document.documentElement.classList.toggle("dark-mode", theme === "dark" || (theme !== "light" && dark.matches));
  };
  show();
  dark.addEventListener("change", show);

  document.addEventListener("DOMContentLoaded", () => {
    const place = document.getElementById("swagger-ui");
    // No validator: it would send the description to a server of others.
    SwaggerUIBundle({ url: place.dataset.schema, domNode: place, docExpansion: "none", deepLinking: true, validatorUrl: null });
  });
})();
