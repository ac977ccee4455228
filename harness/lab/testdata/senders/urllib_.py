"""Python's own urllib."""
import json
import os
import urllib.parse
import urllib.request

form = {"grant_type": "client_credentials", "client_id": os.environ["SID"], "client_secret": os.environ["SECRET"], "scope": "notify.windows.com"}
with urllib.request.urlopen(os.environ["TOKEN_URL"], urllib.parse.urlencode(form).encode(), timeout=30) as answer:
    token = json.load(answer)["access_token"]
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/octet-stream", "X-WNS-Type": "wns/raw", "X-WNS-Cache-Policy": "cache"}
with urllib.request.urlopen(urllib.request.Request(os.environ["CHANNEL"], b"wake up", headers), timeout=30) as answer:
    print(answer.status, answer.headers["X-WNS-Status"])
