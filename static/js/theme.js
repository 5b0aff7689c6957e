// Runs before the first paint, so that a page never flashes in the wrong theme. Not a module for that reason.
(() => {
  const choices = { theme: ["dark", "light", "system"], density: ["comfortable", "compact"], palette: ["green-red", "blue-orange"] };
  for (const [name, allowed] of Object.entries(choices)) {
    let chosen = null;
    try { chosen = localStorage.getItem(`xos-${name}`); } catch { /* storage may be switched off */ }
    document.documentElement.dataset[name] = allowed.includes(chosen) ? chosen : allowed[0];
  }
})();
