// Draft: what cells have written and isn't live, as the plan of loading it, and what to do with it.

import { h, html, useEffect, useState } from "../vendor/htm-preact.mjs";
import { PlanDialog, PlanView } from "../plan.mjs";
import { Asked, Empty, useAsk } from "../ui.mjs";

const DRAFT_ACTIONS = [
  { action: "load_draft", title: "Load" },
  { action: "test_draft", title: "Load with tests" },
  { action: "drop_draft", title: "Drop draft", danger: true },
];

export function DraftTab({ id, row, facts, client }) {
  const [chosen, setChosen] = useState(null);
  const plan = useAsk(client, facts.draft ? "plan" : null, { module: id, action: "load_draft" });
  useEffect(() => {
    if (plan.value) plan.ask();
  }, [row.generation, facts.outcome, facts.error]);
  if (!facts.draft && !chosen) {
    return html`<${Empty} title="No draft">What the cells say is what is live.<//>`;
  }
  return html`<div class="stack">
    <div class="row wrap" role="group" aria-label="Draft">
      <h2 class="about">The draft against what is live. Nothing changes until it is loaded.</h2>
      ${DRAFT_ACTIONS.map(
        (
          one,
        ) => html`<button key=${one.action} class=${one.action === "load_draft" ? "primary" : ""} data-action=${one.action}
        onClick=${() => setChosen(one)}>${one.title}</button>`,
      )}
    </div>
    ${h(Asked, { of: plan }, h(PlanView, { plan: plan.value }))}
    ${chosen && html`<${PlanDialog} ...${{ client, id, ...chosen, onClose: () => setChosen(null) }} />`}
  </div>`;
}
