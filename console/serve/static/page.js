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

// A tab that is loaded again takes up its own session. randomUUID is missing where a page has no TLS.
const tab = sessionStorage.getItem("tab") ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
sessionStorage.setItem("tab", tab);

const say = (words) => {
  const end = document.getElementById("end");
  end.textContent = words;
  end.hidden = false;
};
const secret = /^#[\w-]+$/.test(location.hash) ? ["token." + location.hash.slice(1)] : [];
const socket = new WebSocket(location.origin.replace(/^http/, "ws") + "/ws", ["device-console", ...secret]);
const isOpen = () => socket.readyState === WebSocket.OPEN;
const told = (message) => isOpen() && socket.send(JSON.stringify(message));
const MOST = 32768; // bytes in a message; a paste may be longer
const send = (bytes) => {
  for (let at = 0; isOpen() && at < bytes.length; at += MOST) socket.send(bytes.subarray(at, at + MOST));
};
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
    : "The console cannot be reached, or this link was not accepted: open the one that the server printed."),
);
terminal.attachCustomKeyEventHandler(isOpen); // after the end the keys are the browser's: F5 loads the page again
terminal.onData((text) => send(encoder.encode(text)));
terminal.onBinary((text) => send(Uint8Array.from(text, (c) => c.charCodeAt(0))));
terminal.onResize(() => told({ columns: terminal.cols, rows: terminal.rows }));
addEventListener("resize", () => fit.fit());
