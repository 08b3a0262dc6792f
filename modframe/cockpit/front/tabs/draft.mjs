// Draft: what cells have written and isn't live, as the plan of loading it, and what to do with it.

import { h, html } from "../vendor/htm-preact.mjs";
import { PlanButtons, PlanView } from "../plan.mjs";
import { Asked, Empty, useAsk } from "../ui.mjs";

const DRAFT_ACTIONS = [
  { action: "load_draft", title: "Load", primary: true },
  { action: "test_draft", title: "Load with tests" },
  { action: "drop_draft", title: "Drop draft", danger: true },
];

export function DraftTab({ id, row, facts, client }) {
  const { draft, outcome, error } = facts;
  const args = { module: id, action: "load_draft" };
  const again = [row.generation, outcome, error];
  const plan = useAsk(client, draft ? "plan" : null, args, { again });
  // The buttons stay where there is no draft any more: their dialog says how it went.
  return html`<div class="stack">
    <div class="row wrap" role="group" aria-label="Draft">
      ${
        draft &&
        html`<h2 class="about">The draft against what is live. Nothing changes until it is loaded.</h2>`
      }
      <${PlanButtons} client=${client} id=${id} actions=${draft ? DRAFT_ACTIONS : []} />
    </div>
    ${
      draft
        ? h(Asked, { of: plan }, (value) => h(PlanView, { plan: value }))
        : html`<${Empty} title="No draft">What the cells say is what is live.<//>`
    }
  </div>`;
}
