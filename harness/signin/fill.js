(user, password) => {
  const seen = (e) => {
    const r = e.getBoundingClientRect(), s = getComputedStyle(e);
    return r.width > 0 && r.height > 0 && s.visibility !== 'hidden' && s.display !== 'none';
  };
  const all = (selector) => [...document.querySelectorAll(selector)].filter(seen);
  const out = {
    Did: '', Asks: false, Again: false, Title: document.title, Host: location.host,
    Text: document.body ? document.body.innerText.replace(/\s+/g, ' ').trim().slice(0, 300) : '',
  };
  const done = () => JSON.stringify(out);
  const form = [...document.querySelectorAll('form')].find((f) => f.querySelector('[name=wresult]')?.value);
  if (form) {
    out.Wresult = { Action: form.getAttribute('action') || '', Method: form.method, Wresult: form.querySelector('[name=wresult]').value };
    return done();
  }
  if (document.readyState === 'loading') return done();
  // As a person would: React and others listen to the events.
  const write = (input, value) => {
    input.focus();
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(input, value);
    input.dispatchEvent(new Event('input', { bubbles: true }));
    input.dispatchEvent(new Event('change', { bubbles: true }));
    input.dataset.dmwake = 'filled';
  };
  const open = (input) => !input.dataset.dmwake && !input.disabled && !input.readOnly;
  const secret = all('input[type=password]').find(open);
  if (secret) {
    out.Asks = true;
    if (sessionStorage.getItem('dmwake') === location.host) { out.Again = true; return done(); }
    if (!password) return done();
  }
  const name = all('input').find((i) => open(i) && ['text', 'email', 'tel', ''].includes((i.getAttribute('type') || '').toLowerCase()));
  if (name || secret) {
    const field = secret || name, within = field.form || document;
    if (name && (!secret || name.form === secret.form)) write(name, user);
    if (secret) write(secret, password);
    for (const box of within.querySelectorAll('input[type=checkbox]')) if (box.required && !box.checked) box.click();
    // The page may use the same button for its next question.
    for (const b of document.querySelectorAll('[data-dmwake=pressed]')) delete b.dataset.dmwake;
    out.Did = 'fill';
    return done();
  }
  // The next look presses the button: a page may enable it only then.
  const filled = all('input').filter((i) => i.dataset.dmwake === 'filled');
  const within = filled[0]?.form || document;
  const buttons = (filled.length ? [...within.querySelectorAll('button, input[type=submit], input[type=image], [role=button]')] : all('button, input[type=submit], input[type=image]'))
    .filter((b) => seen(b) && !b.disabled && !b.dataset.dmwake && b.type !== 'reset' && (filled.length || b.type !== 'button'));
  const button = buttons.find((b) => b.type === 'submit' || b.type === 'image') || buttons[0];
  if (filled.length && (button || within !== document)) {
    if (filled.some((i) => i.type === 'password')) sessionStorage.setItem('dmwake', location.host);
    filled.forEach((i) => { i.dataset.dmwake = 'sent'; });
    if (button) { button.dataset.dmwake = 'pressed'; button.click(); } else within.requestSubmit();
    out.Did = 'click';
  } else if (!filled.length && buttons.length === 1 && all('input').every((i) => i.type === 'submit' || i.type === 'image' || i.dataset.dmwake)) {
    button.dataset.dmwake = 'pressed';
    button.click();
    out.Did = 'click';
  }
  return done();
}
