"""`STYLE`: the style sheet of the widget view, whose rules apply below one class.

Colours come from JupyterLab's theme variables; elsewhere they are inherited, in light and dark.
"""

from __future__ import annotations

ROOT_CLASS = "modframe-view"

STYLE = """<style>
.modframe-view { --mf-line: var(--jp-border-color2, rgba(128,128,128,.35));
  --mf-soft: var(--jp-cell-editor-background, rgba(128,128,128,.1));
  --mf-ok: var(--jp-success-color1, #2e9d4e); --mf-bad: var(--jp-error-color1, #d64545);
  --mf-busy: var(--jp-warn-color1, #d9822b);
  --mf-mono: var(--jp-code-font-family, ui-monospace, monospace);
  border: 1px solid var(--mf-line); border-radius: 4px; padding: 0 !important;
  color: var(--jp-ui-font-color1, inherit); max-width: 1100px; overflow: hidden; }
.modframe-view .widget-html, .modframe-view .jupyter-widget-html { line-height: 1.45;
  margin: 0; height: auto; min-height: 0; overflow: visible; }
.modframe-view .widget-html-content { color: var(--jp-ui-font-color1, inherit);
  font-size: var(--jp-ui-font-size1, 13px); line-height: 1.45; }
.modframe-view .mf-head { padding: 6px 12px; border-bottom: 1px solid var(--mf-line);
  background: var(--mf-soft); width: auto; }
.modframe-view .mf-head b { margin-right: 10px; }
.modframe-view .mf-dim { opacity: .68; } .modframe-view .mf-ok b { color: var(--mf-ok); }
.modframe-view .mf-bad b, .modframe-view .mf-bad-text, .modframe-view pre.mf-bad-text {
  color: var(--mf-bad); }
.modframe-view .mf-busy b { color: var(--mf-busy); }
.modframe-view .mf-mono { font-family: var(--mf-mono); font-size: 12px; }
.modframe-view table.mf-table { border-collapse: collapse; width: 100%; margin: 0; border: 0;
  color: inherit; font-size: inherit; table-layout: auto; }
.modframe-view .mf-table td, .modframe-view .mf-table th { text-align: left !important;
  vertical-align: top; padding: 4px 14px 4px 0 !important; white-space: normal; max-width: none;
  border-bottom: 1px solid var(--mf-line); overflow-wrap: anywhere; }
.modframe-view .mf-table tr { background: none !important; }
.modframe-view .mf-table tr:last-child td { border-bottom: 0; }
.modframe-view .mf-table th, .modframe-view .mf-facts td:first-child { font-weight: 600; }
.modframe-view .mf-table th:not(:last-child), .modframe-view .mf-table td:not(:last-child) {
  white-space: nowrap; overflow-wrap: normal; width: 1%; }
.modframe-view .mf-pre { font-family: var(--mf-mono); font-size: 12px; line-height: 1.45;
  white-space: pre-wrap; overflow-wrap: anywhere; max-height: 260px; overflow: auto;
  margin: 4px 0 0; padding: 6px 8px; background: var(--mf-soft); border-radius: 3px;
  color: inherit; border: 0; }
.modframe-view .mf-trace { opacity: .8; }
.modframe-view .mf-log { display: flex; flex-direction: column-reverse; max-height: 300px;
  overflow: auto; font-family: var(--mf-mono); font-size: 12px; }
.modframe-view .mf-log .mf-row { display: grid;
  grid-template-columns: 5em 5em minmax(9em, max-content) 1fr;
  gap: 10px; padding: 1px 0; white-space: pre-wrap; overflow-wrap: anywhere; }
.modframe-view .mf-log .mf-one { grid-template-columns: 5em 5em 1fr; }
.modframe-view .mf-name { padding: 5px 0 0; font-family: var(--mf-mono); font-size: 12px; }
.modframe-view .mf-list select { height: 100%; min-height: 120px; border: 0;
  background: transparent; color: inherit; font-size: var(--jp-ui-font-size1, 13px);
  font-family: var(--jp-ui-font-family, inherit); padding: 4px; outline-offset: -2px; }
.modframe-view .mf-list select option { padding: 3px 6px; border-radius: 3px; }
.modframe-view .mf-list { border-right: 1px solid var(--mf-line); margin: 0; height: auto;
  align-self: stretch; }
.modframe-view .mf-page { flex: 1 1 0; min-width: 0; margin: 0; overflow: hidden; }
.modframe-view .widget-tab, .modframe-view .jupyter-widget-tab { margin: 0; width: auto; }
.modframe-view .widget-tab-contents { border: 0 !important; padding: 8px 12px 10px !important;
  background: transparent !important; border-top: 1px solid var(--mf-line) !important;
  max-height: 520px; overflow: auto; }
.modframe-view .lm-TabBar-tab { flex: 0 1 auto !important; min-width: 0 !important;
  padding: 0 12px !important; margin: 0 !important; border-width: 0 !important;
  background: transparent !important; color: inherit !important;
  font-family: var(--jp-ui-font-family, inherit) !important; }
.modframe-view .lm-TabBar-tab.lm-mod-current { font-weight: 600; }
.modframe-view .jupyter-widget-Collapse-header { padding: 4px 8px; font-weight: 400;
  font-family: var(--mf-mono); font-size: 12px; background: var(--mf-soft);
  border-color: var(--mf-line); color: inherit; overflow-wrap: anywhere; }
.modframe-view .jupyter-widget-Collapse-contents { padding: 6px 8px 8px;
  background: transparent; border-color: var(--mf-line); color: inherit; }
.modframe-view .mf-form { overflow: hidden; }
.modframe-view input[type="datetime-local"], .modframe-view input[type="time"] {
  border: 1px solid var(--mf-line); background: transparent; color: inherit; padding: 5px 8px; }
.modframe-view textarea, .modframe-view input { font-family: var(--mf-mono); }
</style>"""
