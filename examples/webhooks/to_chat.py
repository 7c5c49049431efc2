"""A line in a chat room for each licence and new request: Slack, DingTalk or WeCom (企业微信).

CHAT says which; CHAT_URL_FILE has the address of the room's robot, which is a secret. With
DingTalk, CHAT_SECRET_FILE has what it signs with (加签).

    CHAT=wecom CHAT_URL_FILE=url WEBHOOK_SECRET_FILE=secret python examples/webhooks/to_chat.py
"""

import base64
import hashlib
import hmac
import os
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx
from receiver import events_to

WORDS = {
    "license.issued": "签发",
    "license.renewed": "续期",
    "license.rehosted": "迁移主机",
    "license.suspended": "暂停",
    "license.revoked": "吊销",
    "request.filed": "新的授权请求待处理",
    "webhook.test": "测试",
}


def words(event: dict[str, Any]) -> str:
    """An *event* as one line."""
    done, licence = WORDS.get(event["type"], event["type"]), event["data"].get("license")
    request = event["data"].get("request")
    if request is not None:
        told = (request["customer"], request["product"], request["host"]["name"])
        return " · ".join([f"{done} {request['id']}", *(one or "?" for one in told)])
    if licence is None:
        return done
    until = (licence["expires_at"] or "永久")[:10]
    return f"{done} {licence['id']} · {licence['customer']} · {licence['product']} · {until}"


def tell(event: dict[str, Any]) -> None:
    """Say it in the room. Raises where the room did not take it: then it comes again."""
    kind, url = os.environ["CHAT"], _first_line("CHAT_URL_FILE")
    text = words(event)
    message = {"text": text} if kind == "slack" else {"msgtype": "text", "text": {"content": text}}
    if kind == "dingtalk" and "CHAT_SECRET_FILE" in os.environ:
        url += _signed(_first_line("CHAT_SECRET_FILE"), round(time.time() * 1000))
    reply = httpx.post(url, json=message, timeout=8).raise_for_status()
    if kind != "slack" and reply.json()["errcode"] != 0:  # they answer 200 to what they refuse
        raise RuntimeError(reply.json()["errmsg"])


def _signed(secret: str, now: int) -> str:
    digest = hmac.new(secret.encode(), f"{now}\n{secret}".encode(), hashlib.sha256).digest()
    return f"&timestamp={now}&sign={quote_plus(base64.b64encode(digest))}"


def _first_line(name: str) -> str:
    return Path(os.environ[name]).read_text("utf-8").split()[0]


if __name__ == "__main__":
    events_to(tell)
