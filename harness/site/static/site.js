// The search box, and the list of pages. Without this script the site is complete but
// for the box: every page is in the list.
(() => {
  "use strict";
  const wide = matchMedia("(min-width: 60rem)");
  const pages = document.querySelector(".pages");
  const fold = () => { pages.open = wide.matches; };
  wide.addEventListener("change", fold);
  fold();
  pages.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", behavior: "instant" });

  const form = document.querySelector(".find"), box = form.elements.find, list = document.getElementById("found");
  const root = document.documentElement.dataset.root, most = 12;
  form.hidden = false;

  // How well a term fits: 0 is the very name, null is not at all.
  const fits = (term, q, words) => {
    const name = term.name;
    if (name === q || name === "0x" + q) return 0;
    if (name.startsWith(q)) return 1;
    const at = name.indexOf(q);
    if (at > 0) return /[\p{L}\p{N}]/u.test(name[at - 1]) ? 3 : 2;
    if (words.every((w) => name.includes(w))) return 3;
    return words.every((w) => term.all.includes(w)) ? 4 : null;
  };

  // Reference pages have the entry, index pages only lead to it.
  const weight = (url) => url === "reference/index.html" ? 2 : url.startsWith("reference/") ? 0 : 1;

  const terms = dmwake.terms.map(([text, page, anchor, more]) => {
    const [title, url] = dmwake.pages[page];
    return { text, more, title, url, anchor, name: text.toLowerCase(), all: (text + " " + more + " " + title).toLowerCase(), weight: weight(url) };
  });

  const search = (typed) => {
    const q = typed.trim().toLowerCase();
    if (!q) return null;
    const words = q.split(/\s+/), found = [];
    for (const term of terms) {
      const rank = fits(term, q, words);
      if (rank !== null) found.push({ term, rank });
    }
    found.sort((a, b) => a.rank - b.rank || a.term.weight - b.term.weight || a.term.text.length - b.term.text.length);
    return found.slice(0, most).map((f) => f.term);
  };

  let at = 0;
  const select = (to) => {
    const items = list.querySelectorAll("[role=option]");
    if (!items.length) return;
    items[at]?.setAttribute("aria-selected", "false");
    at = (to + items.length) % items.length;
    items[at].setAttribute("aria-selected", "true");
    items[at].scrollIntoView({ block: "nearest" });
    box.setAttribute("aria-activedescendant", items[at].id);
  };
  const close = () => { list.hidden = true; box.setAttribute("aria-expanded", "false"); box.removeAttribute("aria-activedescendant"); };

  const item = (term, i) => {
    const li = document.createElement("li"), a = document.createElement("a"), name = document.createElement("b"), more = document.createElement("small");
    li.id = "found-" + i;
    li.setAttribute("role", "option");
    a.href = root + term.url + (term.anchor ? "#" + encodeURIComponent(term.anchor) : "");
    a.tabIndex = -1;
    name.textContent = term.text;
    more.textContent = (term.title === term.text ? "page" : term.title) + (term.more ? ": " + term.more : "");
    a.append(name, more);
    li.append(a);
    return li;
  };

  const show = () => {
    const found = search(box.value);
    list.replaceChildren();
    if (!found) return close();
    if (found.length) {
      list.append(...found.map(item));
    } else {
      const none = document.createElement("li");
      none.className = "none";
      none.textContent = "Nothing has that name. Try a part of it.";
      list.append(none);
    }
    list.hidden = false;
    box.setAttribute("aria-expanded", "true");
    at = 0;
    select(0);
  };

  box.addEventListener("input", show);
  box.addEventListener("focus", show);
  box.addEventListener("keydown", (e) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); select(at + (e.key === "ArrowDown" ? 1 : -1)); }
    if (e.key === "Escape") { close(); }
  });
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    const a = list.querySelector("[aria-selected=true] a");
    if (a && !list.hidden) { close(); box.blur(); location.href = a.href; }
  });
  document.addEventListener("click", (e) => { if (!form.contains(e.target) || e.target.closest("#found a")) close(); });
  document.addEventListener("keydown", (e) => {
    if (e.key === "/" && !e.ctrlKey && !e.metaKey && !/^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement.tagName)) { e.preventDefault(); box.focus(); box.select(); }
  });
})();
