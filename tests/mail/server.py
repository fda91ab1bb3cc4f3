"""A mail server for one test: says its port, then every command and every letter, one JSON object a line.

usage: server.py '{"security": "none|starttls|tls", "certificate": FILE, "key": FILE, "user": U, "password": P,
                   "refuse": {"MAIL|RCPT|DATA": "CODE"}}'

A refusal quotes sender, recipient and letter, as real servers do.
"""

import asyncio
import json
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

settings = json.loads(sys.argv[1])
refuse = settings.get("refuse", {})


def tell(**said):
    print(json.dumps(said), flush=True)


def answer(command, quoted):
    code = refuse.get(command)
    return f"{code} not wanted: {quoted}" if code else None


class Handler:
    async def handle_MAIL(self, server, session, envelope, address, options):
        tell(command="MAIL", sender=address, tls=session.ssl is not None or settings["security"] == "tls")
        refused = answer("MAIL", address)
        if not refused:
            envelope.mail_from = address
        return refused or "250 go on"

    async def handle_RCPT(self, server, session, envelope, address, options):
        tell(command="RCPT", to=address)
        refused = answer("RCPT", address)
        if not refused:
            envelope.rcpt_tos.append(address)
        return refused or "250 go on"

    async def handle_DATA(self, server, session, envelope):
        text = envelope.content.decode("ascii")
        refused = answer("DATA", " ".join(text.split())[:400])
        if not refused:
            tell(command="LETTER", to=envelope.rcpt_tos, text=text)
        return refused or "250 taken"

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        tell(command="EHLO", name=hostname)
        session.host_name = hostname
        return responses

    async def handle_QUIT(self, server, session, envelope):
        tell(command="QUIT")
        return "221 bye"


def authenticate(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and (data.login.decode(), data.password.decode()) == (
        settings["user"],
        settings["password"],
    )
    tell(command="AUTH", good=good)
    return AuthResult(success=good, handled=False)


async def main():
    context = None
    if settings["security"] != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(settings["certificate"], settings["key"])
    starttls = settings["security"] == "starttls"
    more = {"tls_context": context, "require_starttls": True} if starttls else {}
    if "user" in settings:
        more |= {"authenticator": authenticate, "auth_required": True, "auth_require_tls": starttls}
    loop = asyncio.get_running_loop()
    wrapped = context if settings["security"] == "tls" else None
    listening = await loop.create_server(lambda: SMTP(Handler(), loop=loop, **more), "127.0.0.1", 0, ssl=wrapped)
    tell(port=listening.sockets[0].getsockname()[1])
    await listening.serve_forever()


asyncio.run(main())
