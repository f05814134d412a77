// The widget of a notebook: a frame with the page, and messages between the page and Python.
// `glassgpt/notebook.py` gives it to anywidget.

function render({ model, el }) {
  const view = Math.random().toString(36); // one widget may be shown in several cells
  const frame = document.createElement("iframe");
  frame.title = "GlassGPT";
  frame.style.cssText = `border: 0; width: 100%; height: ${model.get("height")}px`;
  el.append(frame);

  function toPage(message, buffers) {
    if (message.view !== view) return;
    if (message.page) frame.srcdoc = message.page;
    else if (buffers.length) {
      const { buffer, byteOffset, byteLength } = buffers[0];
      const event = buffer.slice(byteOffset, byteOffset + byteLength);
      frame.contentWindow?.postMessage(event, "*", [event]);
    } else frame.contentWindow?.postMessage(message, "*");
  }

  function toPython({ source, data }) {
    if (source !== frame.contentWindow) return;
    if (typeof data === "string") model.send({ view, said: data });
    else model.send({ view }, undefined, [data]);
  }

  model.on("msg:custom", toPage);
  addEventListener("message", toPython);
  model.send({ view, opened: true });
  return () => {
    model.off("msg:custom", toPage);
    removeEventListener("message", toPython);
  };
}

export default { render };
