// fetch: Node's own, or the npm package undici's if a proxy is set,
// because Node 20's does not look for one.
let send = fetch;
if (process.env.HTTPS_PROXY) {
  const undici = require('undici');
  undici.setGlobalDispatcher(new undici.EnvHttpProxyAgent());
  send = undici.fetch;
}

(async () => {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: process.env.SID, client_secret: process.env.SECRET, scope: 'notify.windows.com' });
  const token = await send(process.env.TOKEN_URL, { method: 'POST', body: form });
  const { access_token } = await token.json();
  const res = await send(process.env.CHANNEL, {
    method: 'POST', body: Buffer.from('wake up'),
    headers: { Authorization: 'Bearer ' + access_token, 'Content-Type': 'application/octet-stream', 'X-WNS-Type': 'wns/raw', 'X-WNS-Cache-Policy': 'cache' },
  });
  console.log(res.status, res.headers.get('x-wns-status'));
})().catch((err) => { console.error(err); process.exit(1); });
