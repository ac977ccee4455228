"""Python's requests, which finds proxy and CA in the environment."""
import os
import requests

form = {"grant_type": "client_credentials", "client_id": os.environ["SID"], "client_secret": os.environ["SECRET"], "scope": "notify.windows.com"}
token = requests.post(os.environ["TOKEN_URL"], data=form, timeout=30).json()["access_token"]
headers = {"Authorization": "Bearer " + token, "Content-Type": "application/octet-stream", "X-WNS-Type": "wns/raw", "X-WNS-Cache-Policy": "cache"}
answer = requests.post(os.environ["CHANNEL"], data=b"wake up", headers=headers, timeout=30)
print(answer.status_code, answer.headers["X-WNS-Status"])
