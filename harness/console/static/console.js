(function () {
  "use strict";
  // The page names in data-live where its changes come from. Browsers keep six connections
  // to one address, so a page that nobody sees has none.
  var source = null, url = "", retry = 0;
  var state = document.getElementById("live");
  function say(text, tone) {
    state.textContent = text;
    state.className = "live " + tone;
  }
  function close() {
    if (source) source.close();
    source = null;
    url = "";
  }
  function open() {
    var at = document.querySelector("[data-live]"), want = at && !document.hidden ? at.dataset.live : "";
    if (want === url) return;
    close();
    clearTimeout(retry);
    if (!want) {
      say("", "dim");
      return;
    }
    url = want;
    var mine = source = new EventSource(want);
    mine.onopen = function () { say("live", "good"); };
    mine.onerror = function () {
      if (mine !== source) return;
      if (mine.readyState !== EventSource.CLOSED) { // the browser tries again
        say("not live: the lab does not answer", "bad");
        return;
      }
      say("not live: reload the page", "bad");
      close();
      retry = setTimeout(open, 5000);
    };
    mine.addEventListener("gone", function (event) {
      if (mine !== source) return;
      mine.close(); // url stays, so it is not opened again
      say(event.data, "bad");
    });
    mine.addEventListener("patch", function (event) {
      if (mine !== source) return;
      htmx.swap(document.body, event.data, { swapStyle: "none" });
      // Whoever connects again says what it has already.
      url = url.replace(/([?&]live=)[^&]*/, "$1" + event.lastEventId);
      at.dataset.live = url;
    });
  }
  document.addEventListener("visibilitychange", open);
  document.addEventListener("htmx:afterSettle", open);
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", open);
  document.addEventListener("htmx:sendError", function () {
    document.getElementById("said").textContent = "The lab does not answer.";
  });
  document.addEventListener("htmx:afterRequest", function (event) {
    if (event.detail.xhr && event.detail.xhr.status === 401) location.reload(); // the login is over
  });
  document.addEventListener("keydown", function (event) {
    var field = /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName), search = document.getElementById("q");
    if (event.key === "Escape" && event.target === search) search.blur();
    if (event.key !== "/" || !search || field || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault(); // some browsers have a search of their own on this key
    search.focus();
  });
  open();
})();
