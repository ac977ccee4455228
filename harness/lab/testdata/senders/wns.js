// The npm package wns, as its documentation says. It gets no access token, so
// that it fetches one after its first 401.
require('wns').sendRaw(process.env.CHANNEL, 'wake up', {
  client_id: process.env.SID, client_secret: process.env.SECRET,
}, (err, result) => {
  if (err) { console.error(err.message, err.innerError || ''); process.exit(1); }
  console.log(result.statusCode, result.headers['x-wns-status'], result.newAccessToken ? '' : 'without a token');
});
