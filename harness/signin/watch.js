// Tells of a form with wresult that is submitted, instead of leaving for appru.
(() => {
  const give = (form) => {
    const input = form.querySelector('[name=wresult]');
    if (!input) return false;
    window.dmwakeResult(JSON.stringify({ Action: form.getAttribute('action') || '', Method: form.method, Wresult: input.value }));
    return true;
  };
  const submit = HTMLFormElement.prototype.submit;
  HTMLFormElement.prototype.submit = function () { if (!give(this)) submit.call(this); };
  document.addEventListener('submit', (e) => { if (give(e.target)) e.preventDefault(); }, true);
})();
