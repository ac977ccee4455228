(function () {
  "use strict";
  var root = document.documentElement;
  root.classList.add("script");
  function all(selector, from) { return Array.prototype.slice.call((from || document).querySelectorAll(selector)); }

  // The fragment keeps what is filtered; one without "=" is the id of an element.
  function filtered() {
    var text = location.hash.slice(1), out = {};
    if (text.indexOf("=") < 0) return null;
    new URLSearchParams(text).forEach(function (v, k) { out[k] = v; });
    return out;
  }
  function form() { return document.querySelector("[data-filter]:not([action])"); }
  function chips() { return form() ? all("[data-key]", form()) : []; }
  function search() { return form().querySelector("input[type=search]"); }

  // state is what the chips and the search say: key -> values, and the words.
  function state() {
    var keys = {}, words = search().value.toLowerCase().split(/\s+/).filter(Boolean);
    chips().forEach(function (c) {
      if (c.getAttribute("aria-pressed") === "true") (keys[c.dataset.key] = keys[c.dataset.key] || []).push(c.dataset.value);
    });
    return { keys: keys, words: words, on: words.length > 0 || Object.keys(keys).length > 0 };
  }
  function keep(s) {
    var parts = Object.keys(s.keys).map(function (k) { return k + "=" + s.keys[k].map(encodeURIComponent).join(","); });
    var q = search().value.trim();
    if (q) parts.push("q=" + encodeURIComponent(q));
    var here = location.href.split("#")[0];
    history.replaceState(null, "", parts.length ? here + "#" + parts.join("&") : here);
  }
  function show(f) {
    chips().forEach(function (c) {
      c.setAttribute("aria-pressed", String((f[c.dataset.key] || "").split(",").indexOf(c.dataset.value) >= 0));
    });
    search().value = f.q || "";
    apply();
  }
  function apply() {
    var list = document.querySelector("[data-list]");
    if (!form() || !list) return;
    var s = state(), shown = 0, items = all("[data-item]", list);
    items.forEach(function (item) {
      var fits = Object.keys(s.keys).every(function (k) { return s.keys[k].indexOf(item.getAttribute("data-" + k)) >= 0; });
      if (fits && s.words.length) {
        var text = item.textContent.toLowerCase();
        fits = s.words.every(function (w) { return text.indexOf(w) >= 0; });
      }
      if (item.hidden === fits) item.hidden = !fits;
      if (fits) shown++;
    });
    all("[data-group]", list).forEach(function (g) {
      g.hidden = s.on && !g.querySelector("[data-item]:not([hidden])");
      if (g.tagName !== "DETAILS") return;
      if (s.on && g.dataset.was === undefined) g.dataset.was = g.open ? "open" : "";
      if (s.on) g.open = true;
      if (!s.on && g.dataset.was !== undefined) { g.open = g.dataset.was === "open"; delete g.dataset.was; }
    });
    all("[data-shown]").forEach(function (e) { e.textContent = s.on ? shown + " of " + items.length : ""; });
    all("[data-clear]").forEach(function (e) { e.hidden = !s.on; });
  }

  // reveal unfolds the element that the fragment names, and scrolls to it.
  function reveal() {
    var id = location.hash.slice(1), e = null;
    try { e = id && document.getElementById(decodeURIComponent(id)); } catch (err) { return; }
    if (!e) return;
    if (form() && e.closest("[data-item][hidden], [data-group][hidden]")) { show({}); }
    for (var p = e; p; p = p.parentElement) if (p.tagName === "DETAILS") p.open = true;
    e.scrollIntoView({ block: "start" });
  }
  function fragment(moved) {
    var f = filtered();
    if (!f) { reveal(); return; }
    if (!form()) return;
    show(f);
    var list = document.querySelector("[data-list]");
    if (moved && list) (form() || list).scrollIntoView({ block: "start" });
  }

  var due = false;
  function later() {
    if (due) return;
    due = true;
    requestAnimationFrame(function () { due = false; apply(); });
  }
  function copied(button, ok) {
    var was = button.dataset.was || button.textContent;
    button.dataset.was = was;
    button.textContent = ok ? "copied" : "not copied";
    var live = document.getElementById("page-live");
    if (live) live.textContent = button.textContent;
    setTimeout(function () { button.textContent = was; if (live) live.textContent = ""; }, 2000);
  }
  function copy(button) {
    var of = button.dataset.copyOf && document.getElementById(button.dataset.copyOf);
    var text = of ? of.textContent : button.dataset.copy || "";
    function old() {
      var area = document.createElement("textarea");
      area.value = text;
      document.body.appendChild(area);
      area.select();
      var ok = document.execCommand("copy");
      area.remove();
      button.focus();
      copied(button, ok);
    }
    if (!navigator.clipboard) { old(); return; }
    navigator.clipboard.writeText(text).then(function () { copied(button, true); }, old);
  }

  document.addEventListener("click", function (event) {
    var t = event.target.closest && event.target.closest("button, a");
    if (!t) return;
    if (t.hasAttribute("data-copy") || t.hasAttribute("data-copy-of")) { event.preventDefault(); event.stopPropagation(); copy(t); return; }
    if (t.dataset.key && form() && form().contains(t)) {
      t.setAttribute("aria-pressed", String(t.getAttribute("aria-pressed") !== "true"));
      apply();
      keep(state());
    } else if (t.hasAttribute("data-clear")) {
      show({});
      keep(state());
      search().focus();
    } else if (t.tagName === "A" && t.hash && t.href === location.href) {
      event.preventDefault();
      fragment(true); // the same link again
    }
  });
  document.addEventListener("input", function (event) {
    if (form() && event.target === search()) { later(); keep(state()); }
  });
  document.addEventListener("submit", function (event) {
    if (event.target === form()) event.preventDefault();
  });
  document.addEventListener("keydown", function (event) {
    var field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName), find = document.querySelector("[data-filter] input[type=search]");
    if (event.key === "/" && find && !field && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault(); // some browsers have a search of their own on this key
      find.focus();
    }
  });
  window.addEventListener("hashchange", function () { fragment(true); });

  // Paper has nothing to unfold.
  var folded = [];
  window.addEventListener("beforeprint", function () {
    folded = all("details:not([open])");
    folded.forEach(function (d) { d.open = true; });
  });
  window.addEventListener("afterprint", function () {
    folded.forEach(function (d) { d.open = false; });
    folded = [];
  });

  function start() {
    var live = document.createElement("div");
    live.id = "page-live";
    live.className = "vh";
    live.setAttribute("role", "status");
    document.body.appendChild(live);
    fragment(false);
    var list = document.querySelector("[data-list]");
    if (list && form()) new MutationObserver(function () { if (state().on) later(); }).observe(list, { childList: true, subtree: true });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
