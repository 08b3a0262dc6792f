// A module's error: what went wrong and where, with the lines around, what is still live, what it
// blocks, and the way on. The overview of a module shows it; it is gone once the module is mended.

import { h, html } from "../vendor/htm-preact.mjs";
import { placeOfText } from "../format.mjs";
import { blockedBy } from "../store.mjs";
import { PlanButtons, Tests } from "../plan.mjs";
import { SourceLines } from "../source.mjs";
import { ErrorBox, Finding, Icon, ModuleLink } from "../ui.mjs";

const AROUND = 4; // lines above and below the one that failed
const RELOAD = { action: "reload", title: "Reload", primary: true };

export function Failure({ id, facts, row, state, client, go }) {
  const error = facts.failure;
  const { file, line } = placeOfText(error.place);
  const died = error.type === "TaskDiedError" && row.state === "LIVE";
  const lines = { client, id, file, line, around: AROUND, of: died ? "live" : "failed" };
  return html`<section aria-label="What failed" class="stack tight">
    <${ErrorBox} error=${error}>
      ${line > 0 && h(SourceLines, { ...lines, quiet: true, key: `${error.place} ${error.message}` })}
    <//>
    <${OtherFaults} findings=${error.findings} />
    <${Tests} tests=${error.tried} />
    <div class="row wrap">
      <${StillLive} row=${row} />
      <${Blocks} ids=${blockedBy(state, id)} go=${go} title="It blocks" />
      <${Blocks} ids=${error.blocked_by} go=${go} title="Blocked by" />
      <span class="grow"></span>
      <span class="muted">
        Once it is mended, it goes live when its cell is run, or the file saved while watched.
      </span>
      <${PlanButtons} client=${client} id=${id} actions=${[RELOAD]} />
    </div>
  </section>`;
}

function StillLive({ row }) {
  if (row.state !== "LIVE") return html`<span>Nothing of it is live.</span>`;
  return html`<span class="row"><${Icon} shape="dot" tone="good" />
    <strong>generation ${row.generation} stays live</strong></span>`;
}

function Blocks({ ids = [], go, title }) {
  if (!ids.length) return null;
  const links = ids.map((id) => h(ModuleLink, { id, go, key: id }));
  return html`<span class="row wrap">${title} ${links}</span>`;
}

/** The faults behind the first one, which the box has. */
function OtherFaults({ findings = [] }) {
  if (findings.length < 2) return null;
  return html`<div class="card entries">
    ${findings.slice(1).map((finding) => h(Finding, { finding }))}
  </div>`;
}
