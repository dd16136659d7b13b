// Sets the chosen theme before anything is drawn; hence no module. Also what to
// do when the button for it is pressed: as the system has it, light, dark.
"use strict";

(function () {
  const themes = ["auto", "light", "dark"];
  const item = "kadmesh-theme";

  function read() {
    try {
      const theme = localStorage.getItem(item);
      return themes.includes(theme) ? theme : "auto";
    } catch {
      return "auto";
    }
  }

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
    document.getElementById("theme").addEventListener("click", () => {
      const theme = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
      try {
        localStorage.setItem(item, theme);
      } catch {
        // It holds for this page only, then.
      }
      apply(theme);
    });
  });
})();
