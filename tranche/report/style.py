"""The report's inline style sheet, for screens, dark mode and print."""

CSS = """
:root{--ink:#1b2430;--quiet:#5a6675;--paper:#fff;--faint:#eef1f5;--line:#d7dde5;
--one:#0b6e6e;--two:#b4540a;--three:#5b4b9a;--soft:#a9bccb;--good:#1a7f4b;--bad:#b3261e;--tint:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--quiet:#a4b0bf;--paper:#12171e;--faint:#1f2731;--line:#36414e;
--one:#3fb6b0;--two:#e8924a;--three:#a797ea;--soft:#5a7187;--good:#54c78a;--bad:#ff8a80;--tint:#181f28}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,
"Helvetica Neue",Arial,sans-serif}
main{max-width:1080px;margin:0 auto;padding:32px 24px 80px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px}
h2{font-size:21px;margin:48px 0 12px;padding-top:12px;border-top:1px solid var(--line)}
p{max-width:76ch}.quiet,figcaption{color:var(--quiet)}figcaption{font-size:14px;margin-top:4px}
nav{font-size:14px;margin:14px 0 0;display:flex;flex-wrap:wrap;gap:2px 16px}nav a{color:var(--one)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(155px,1fr));gap:12px;margin:24px 0 0;
padding:0;list-style:none}
.cards li{background:var(--tint);border:1px solid var(--line);border-radius:8px;padding:12px 14px}
.cards b{display:block;font-size:20px;overflow-wrap:anywhere;font-variant-numeric:tabular-nums;line-height:1.25}
.cards span{font-size:13.5px;color:var(--quiet)}
.verdict{border-left:5px solid var(--good);background:var(--tint);padding:12px 16px;margin:20px 0;
border-radius:0 6px 6px 0}
.verdict.broken{border-color:var(--bad)}.verdict ul{margin:6px 0 0;padding-left:20px}
.ok{color:var(--good);font-weight:600}.no{color:var(--bad);font-weight:600}
figure{margin:16px 0}svg{width:100%;height:auto;display:block}.pair{display:grid;grid-template-columns:1fr 1fr;gap:24px}
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:15px;margin:12px 0}
caption{text-align:left;color:var(--quiet);font-size:14px;padding-bottom:6px}
th,td{padding:7px 10px;border-bottom:1px solid var(--line);text-align:left;vertical-align:top}
th{font-weight:600;font-size:13.5px;color:var(--quiet)}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
tfoot td,tfoot th{border-top:2px solid var(--ink);border-bottom:0;font-weight:650;color:var(--ink)}
svg text{fill:var(--ink);font:13px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
svg .tick,svg .axis,svg .note{fill:var(--quiet);font-size:12px}svg .axis{font-size:13px}
svg .label{font-weight:600}svg .figure{font-variant-numeric:tabular-nums}svg .inside{fill:var(--paper);font-weight:600}
svg .grid{stroke:var(--line);stroke-width:1}svg .chance{stroke:var(--quiet);stroke-width:1.5;stroke-dasharray:4 4}
svg .account{fill:var(--tint);stroke:var(--soft);stroke-width:1.5}svg .asset{stroke:var(--one);stroke-width:2}
svg .equity,svg .liability{stroke:var(--three)}svg .flow{fill:none;stroke:var(--two);stroke-opacity:.55}
svg .wide{font-size:14.5px}
svg .tag{fill:var(--paper);fill-opacity:.94;stroke:var(--line)}svg .tag+text{font-size:13.5px;fill:var(--ink)}
td.words{font-size:13.5px;overflow-wrap:anywhere}
@media (max-width:760px){.pair{grid-template-columns:1fr}}
@media print{main{max-width:none;padding:0}h2,figure,table{break-inside:avoid}nav{display:none}}
"""
