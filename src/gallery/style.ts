/** The page's style sheet: one column to read, figures two abreast where the screen has room. */
export const pageStyle = `
:root { --ink: #1f2328; --faint: #57606a; --line: #e4e7eb; --wash: #f6f8fa; --link: #005f95; }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0; color: var(--ink); background: #fff; font: 17px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", "DejaVu Sans", sans-serif; }
header, section { max-width: 1200px; margin: 0 auto; padding: 0 24px; }
header { padding-top: 56px; padding-bottom: 8px; }
h1 { font-size: 38px; line-height: 1.15; letter-spacing: -0.02em; margin: 0 0 16px; }
h2 { font-size: 26px; line-height: 1.25; letter-spacing: -0.01em; margin: 0 0 14px; padding-top: 44px; }
.number { color: var(--link); margin-right: 6px; }
p { max-width: 46em; margin: 0 0 14px; }
nav ol { margin: 20px 0 0; padding: 16px 24px 16px 48px; columns: 2; column-gap: 40px; background: var(--wash); border-radius: 10px; }
nav li { padding: 3px 0; break-inside: avoid; }
nav li::marker { color: var(--faint); }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
section + section { margin-top: 40px; }
section h2 { border-top: 1px solid var(--line); }
.figures { display: grid; grid-template-columns: 1fr 1fr; gap: 24px; margin: 22px 0; align-items: start; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 10px; overflow: hidden; padding: 6px; }
figure.full { grid-column: 1 / -1; }
figure svg { display: block; width: 100%; height: auto; margin: 0 auto; }
figure div { display: none; }
@media (min-width: 1001px) { figure div.wide { display: block; } }
@media (min-width: 561px) and (max-width: 1000px) { figure div.medium { display: block; } }
@media (max-width: 560px) { figure div.narrow { display: block; } }
.table { overflow-x: auto; margin: 22px 0; }
table { border-collapse: collapse; font-size: 15px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 7px 14px; border-bottom: 1px solid var(--line); white-space: nowrap; }
th { color: var(--faint); font-weight: 600; }
details { margin: 18px 0 0; }
summary { cursor: pointer; color: var(--faint); font-size: 15px; }
code { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; font-size: 0.88em; }
pre { tab-size: 2; margin: 8px 0 0; padding: 14px 18px; background: var(--wash); border-radius: 10px; overflow-x: auto; font-size: 15px; line-height: 1.5; }
main { padding-bottom: 72px; }
@media (max-width: 1000px) {
  .figures { grid-template-columns: 1fr; }
  figure svg { max-width: 760px; }
}
@media (max-width: 560px) {
  body { font-size: 16px; }
  header, section { padding-left: 16px; padding-right: 16px; }
  header { padding-top: 32px; }
  h1 { font-size: 29px; }
  h2 { font-size: 22px; padding-top: 28px; }
  nav ol { columns: 1; padding-left: 40px; }
  figure { padding: 2px; }
}
@media print { figure, pre { break-inside: avoid; } }
`;
