// The player as a notebook's widget: Python keeps the graph and computes; here it is shown, and edits are asked for.

export default {
  render({ model, el }) {
    let player = null;

    const show = () => {
      const graph = model.get("graph");
      if (player?.graph.layout === graph.layout) player.update(graph);
      else replace(graph);
    };

    const replace = (graph) => {
      const last = graph.steps.kind.length - 1, focused = el.contains(document.activeElement);
      const at = !player ? graph.at : player.at === player.last ? last : Math.min(player.at, last);
      const sheet = element("template");
      sheet.content.append(element("style", {}, STYLE));
      const host = element("div", {
        class: "glassgrad-player", "data-ready": "", "data-theme": model.get("theme"), "data-lm-suppress-shortcuts": "true",
        tabindex: 0, role: "application", "aria-label": `player of ${graph.title.replace("the graph of ", "")}`,
        "onglassgrad-edit": (event) => {
          event.preventDefault();
          model.send({ layout: player.graph.layout, node: event.detail.node, data: String(event.detail.data) });
        },
      }, sheet);
      el.replaceChildren(host);
      host.player = player = new Player(host, { ...graph, at });
      if (focused) host.focus({ preventScroll: true });
    };

    const refuse = ({ refused }) => { player.say.textContent = refused; };

    model.on("change:graph", show);
    model.on("msg:custom", refuse);
    show();
    return () => {
      model.off("change:graph", show);
      model.off("msg:custom", refuse);
    };
  },
};
