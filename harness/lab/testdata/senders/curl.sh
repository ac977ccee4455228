# curl, which finds proxy and CA in the environment.
set -eu
token=$(curl -sS "$TOKEN_URL" -d grant_type=client_credentials -d scope=notify.windows.com \
  --data-urlencode "client_id=$SID" --data-urlencode "client_secret=$SECRET" | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -sS -o /dev/null -w '%{http_code} ' -D "$TMP/headers" "$CHANNEL" -H "Authorization: Bearer $token" \
  -H 'Content-Type: application/octet-stream' -H 'X-WNS-Type: wns/raw' -H 'X-WNS-Cache-Policy: cache' --data-binary 'wake up'
tr -d '\r' < "$TMP/headers" | sed -n 's/^X-WNS-STATUS: //p'
