"use strict";
// The secret stands behind the #, which browsers send to nobody; it goes to the server as a subprotocol, which no log has.
const terminal = new Terminal({
  fontSize: 15, fontFamily: "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace", scrollback: 0,
  theme: { background: "#12161b", foreground: "#d5dae0" }, macOptionIsMeta: true,
});
const fit = new FitAddon.FitAddon();
terminal.loadAddon(fit);
terminal.open(document.getElementById("terminal"));
fit.fit();

// Copying (OSC 52) may write to the clipboard; nothing can read it.
terminal.parser.registerOscHandler(52, (data) => {
  try {
    const bytes = Uint8Array.from(atob(data.slice(data.indexOf(";") + 1)), (c) => c.charCodeAt(0));
    navigator.clipboard?.writeText(new TextDecoder().decode(bytes)).catch(() => {});
  } catch { /* it is not base64: there is nothing to copy */ }
  return true;
});

// A tab that is loaded again takes up its own session.
const tab = sessionStorage.getItem("tab") ?? crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now();
sessionStorage.setItem("tab", tab);

const say = (words) => {
  const end = document.getElementById("end");
  end.textContent = words;
  end.hidden = false;
};
const secret = decodeURIComponent(location.hash.slice(1));
const socket = new WebSocket(
  location.origin.replace(/^http/, "ws") + "/ws", ["device-console", ...(secret ? ["token." + secret] : [])],
);
const told = (message) => socket.readyState === WebSocket.OPEN && socket.send(JSON.stringify(message));
const encoder = new TextEncoder();
let wasOpen = false;
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  wasOpen = true;
  told({ tab, columns: terminal.cols, rows: terminal.rows });
  terminal.focus();
};
socket.onmessage = (message) => {
  const data = new Uint8Array(message.data);
  terminal.write(data, () => told({ taken: data.length }));
};
socket.onclose = (event) => say(
  event.reason || (wasOpen ? "The line was cut. Load the page again to go on where you were."
    : "This link was not accepted: open the one that the server printed."),
);
terminal.onData((text) => socket.readyState === WebSocket.OPEN && socket.send(encoder.encode(text)));
terminal.onBinary((text) => socket.readyState === WebSocket.OPEN && socket.send(Uint8Array.from(text, (c) => c.charCodeAt(0))));
terminal.onResize(() => told({ columns: terminal.cols, rows: terminal.rows }));
addEventListener("resize", () => fit.fit());
