// Node's own https module, with the npm package https-proxy-agent where there
// is a proxy.
const https = require('https');
const { HttpsProxyAgent } = require('https-proxy-agent');
const agent = process.env.HTTPS_PROXY ? new HttpsProxyAgent(process.env.HTTPS_PROXY) : undefined;

function post(url, headers, body) {
  return new Promise((resolve, reject) => {
    const req = https.request(url, { method: 'POST', agent, headers: { ...headers, 'Content-Length': Buffer.byteLength(body) } }, (res) => {
      let text = '';
      res.on('data', (d) => { text += d; });
      res.on('end', () => resolve({ res, text }));
    });
    req.on('error', reject);
    req.end(body);
  });
}

(async () => {
  const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: process.env.SID, client_secret: process.env.SECRET, scope: 'notify.windows.com' });
  const token = await post(process.env.TOKEN_URL, { 'Content-Type': 'application/x-www-form-urlencoded' }, form.toString());
  const { res } = await post(process.env.CHANNEL, {
    Authorization: 'Bearer ' + JSON.parse(token.text).access_token, 'Content-Type': 'application/octet-stream', 'X-WNS-Type': 'wns/raw', 'X-WNS-Cache-Policy': 'cache',
  }, 'wake up');
  console.log(res.statusCode, res.headers['x-wns-status']);
})().catch((err) => { console.error(err); process.exit(1); });
