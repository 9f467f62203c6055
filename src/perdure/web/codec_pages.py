"""The codec server's one page: a form to sign in with."""

from html import escape
from typing import Final

from starlette.responses import HTMLResponse

SIGNED_IN: Final = "/signed-in"

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
    " frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    # With `no-referrer` browsers would send the form with no origin, and it would be refused.
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Perdure's codec server</title>
<meta name="viewport" content="width=device-width">
<style>body{{font:16px/1.5 system-ui,sans-serif;max-width:36rem;margin:4rem auto;padding:0 1rem}}
:root{{color-scheme:light dark}}
input,button{{font:inherit;padding:.4rem .6rem}} input{{width:100%;box-sizing:border-box}}</style></head>
<body><main><h1>Codec server</h1>
{content}
</main></body></html>
"""
_FORM = """<p>It opens encrypted payloads for Temporal's web UI. What you read is logged.</p>
{problem}<form method="post" action="/sign-in">
<p><label for="token">Its token, or your own GitHub token</label><br>
<input id="token" name="token" type="password" autocomplete="off" required autofocus></p>
<p><button>Sign in</button></p></form>"""
_DONE = """<p role="status">You are signed in for eight hours.</p>
<p>In Temporal's web UI, at <b>Codec server</b>: enter this server's address, and switch on
<b>Include cross-origin credentials</b>.</p>"""


def sign_in_page(*, problem: str = "", done: bool = False, status: int = 200) -> HTMLResponse:
    """Return the form, perhaps with what went wrong, or what to do after it."""
    alert = f'<p role="alert"><b>{escape(problem)}</b></p>\n' if problem else ""
    content = _DONE if done else _FORM.format(problem=alert)
    return HTMLResponse(_PAGE.format(content=content), status_code=status, headers=_HEADERS)
