// Sets the chosen theme before anything is drawn: modules run too late for that. The
// button goes from the system's theme to light, to dark, and back.
"use strict";

(function () {
  const themes = ["auto", "light", "dark"];
  const item = "kadmesh-theme";

  function read() {
    try {
      const theme = localStorage.getItem(item);
      return theme === "light" || theme === "dark" ? theme : "auto";
    } catch {
      return "auto";
    }
  }

  /** @param {string} theme */
  function apply(theme) {
    document.documentElement.dataset.theme = theme;
    const button = document.getElementById("theme");
    if (button) {
      button.textContent = `Theme: ${theme}`;
    }
  }

  apply(read());
  document.addEventListener("DOMContentLoaded", () => {
    apply(read());
    document.getElementById("theme")?.addEventListener("click", () => {
      const theme = themes[(themes.indexOf(document.documentElement.dataset.theme ?? "") + 1) % themes.length];
      try {
        localStorage.setItem(item, theme);
      } catch {
        // Without storage the theme lasts until the page closes.
      }
      apply(theme);
    });
  });
})();
