"""The style sheet of the pages."""

STYLE = """
:root { color-scheme: light dark; --line: #8884; --dim: #777; --bg: #8881;
  --ok: #1a7f37; --bad: #cf222e; --run: #9a6700; }
@media (prefers-color-scheme: dark) { :root { --dim: #999; --ok: #3fb950; --bad: #f85149; --run: #d29922; } }
* { box-sizing: border-box; }
body { margin: 0; font: 15px/1.5 system-ui, sans-serif; }
header { padding: .6rem 1.5rem; border-bottom: 1px solid var(--line); }
header a { color: inherit; font-weight: 600; text-decoration: none; }
main { max-width: 60rem; margin: 0 auto; padding: 1rem 1.5rem 4rem; }
h1 { font-size: 1.5rem; margin: .3rem 0 .6rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 1.6rem 0 .5rem; }
h3 { font-size: 1rem; margin: 0; padding: .5rem .8rem; background: var(--bg); display: flex; gap: .5rem; }
a { color: #0969da; text-decoration: none; }
a:hover { text-decoration: underline; }
@media (prefers-color-scheme: dark) { a { color: #4493f8; } }
small, span, time, .path, dt { color: var(--dim); font-weight: 400; }
h3 > span, summary > span, li > span:first-of-type { margin-left: auto; }
.path { margin: .4rem 0 0; }
.facts { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 0; }
dd { margin: 0; overflow-wrap: anywhere; font-family: ui-monospace, monospace; font-size: .9em;
  white-space: pre-wrap; }
ul, ol { list-style: none; margin: 0; padding: 0; }
.rows { border: 1px solid var(--line); border-radius: 6px; }
.rows:empty { border: 0; }
li { display: flex; gap: .8rem; align-items: baseline; padding: .4rem .8rem; overflow-wrap: anywhere; }
li + li { border-top: 1px solid var(--line); }
section { border: 1px solid var(--line); border-radius: 6px; margin: .6rem 0; overflow: hidden; }
.steps li { padding-left: 1.6rem; border: 0; }
.icon { font-style: normal; display: inline-block; width: 1.2em; flex: none; color: var(--dim); }
.success { color: var(--ok); }
.failure, .startup_failure, .timed_out { color: var(--bad); }
.in_progress, .queued, .pending, .waiting { color: var(--run); }
section > p { margin: .4rem .8rem; }
.said > p { margin: .3rem 0; }
.said { margin: .4rem 0; padding: .4rem .8rem; border-left: 3px solid var(--run); background: var(--bg); }
details { border: 1px solid var(--line); border-radius: 6px; margin: .3rem 0; }
summary { padding: .4rem .8rem; cursor: pointer; display: flex; gap: .4rem; }
pre { margin: 0; padding: .6rem .8rem; overflow-x: auto; background: var(--bg); white-space: pre-wrap;
  overflow-wrap: anywhere; font: 12.5px/1.5 ui-monospace, monospace; }
pre:empty { display: none; }
"""
