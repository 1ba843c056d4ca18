/**
 * How it looks. Lives in the shadow root as a constructed sheet, which no content policy of the page forbids;
 * only old browsers get a style element (with the script's nonce). Lengths are px: the page's rem isn't ours.
 */
export const CSS = `
:host{all:initial;color-scheme:light;position:fixed;inset:auto;width:0;height:0;z-index:var(--dxe-z,1000);
--ground:#f4f6f8;--panel:#fff;--ink:#14181c;--quiet:#5b6570;--line:#e1e6eb;--bubble:#fff;--warn:#8a4b00;--warn-ground:#fff4e0;
--link:var(--accent-text);--shade:0 12px 40px rgba(16,32,48,.22),0 2px 8px rgba(16,32,48,.12);
font:400 16px/1.6 -apple-system,BlinkMacSystemFont,"PingFang SC","Microsoft YaHei","Noto Sans CJK SC","Segoe UI",Roboto,sans-serif;
color:var(--ink);text-align:start;-webkit-text-size-adjust:100%}
@media (prefers-color-scheme:dark){:host(:not([theme=light])){color-scheme:dark;--ground:#15191e;--panel:#1d2228;--ink:#eef1f4;--quiet:#a3adb8;
--line:#323941;--bubble:#2a2f36;--warn:#ffcf8a;--warn-ground:#3a2c14;--link:var(--accent-text-dark);
--shade:0 12px 40px rgba(0,0,0,.6)}}
:host([theme=dark]){color-scheme:dark;--ground:#15191e;--panel:#1d2228;--ink:#eef1f4;--quiet:#a3adb8;--line:#323941;--bubble:#2a2f36;
--warn:#ffcf8a;--warn-ground:#3a2c14;--link:var(--accent-text-dark);--shade:0 12px 40px rgba(0,0,0,.6)}
*,*::before,*::after{box-sizing:border-box}
[hidden]{display:none!important}
button{font:inherit;color:inherit;background:none;border:0;padding:0;margin:0;cursor:pointer;text-align:inherit;
-webkit-tap-highlight-color:transparent}
svg{width:20px;height:20px;display:block;flex:none}
:focus{outline:none}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}

.launcher{position:fixed;bottom:calc(var(--lift,var(--y)) + env(safe-area-inset-bottom,0px));display:flex;align-items:center;gap:8px;
height:52px;padding:0 20px 0 16px;border-radius:26px;background:var(--accent);color:var(--on-accent);font-weight:600;
font-size:15px;box-shadow:0 6px 20px rgba(16,32,48,.28);transition:transform .15s,box-shadow .15s}
.launcher svg{width:24px;height:24px}
.launcher:hover{transform:translateY(-2px);box-shadow:0 10px 26px rgba(16,32,48,.32)}
.launcher:focus-visible{outline-color:var(--ink);box-shadow:0 0 0 3px #fff}
.right .launcher,.right .panel{right:var(--x)}
.left .launcher,.left .panel{left:var(--x)}
.badge{position:absolute;top:-5px;inset-inline-end:-3px;min-width:22px;height:22px;padding:0 6px;border-radius:11px;
background:#c62828;color:#fff;font-size:12px;line-height:22px;text-align:center;font-variant-numeric:tabular-nums;
box-shadow:0 0 0 2px #fff}

.panel{position:fixed;bottom:calc(var(--y) + env(safe-area-inset-bottom,0px));width:388px;height:640px;
max-width:calc(100vw - 2*var(--x));max-height:calc(100vh - var(--y) - 20px);
display:flex;flex-direction:column;background:var(--panel);border-radius:18px;overflow:hidden;box-shadow:var(--shade);
transform-origin:bottom right;animation:rise .16s ease-out}
.left .panel{transform-origin:bottom left}
@keyframes rise{from{opacity:0;transform:translateY(12px) scale(.98)}}
.sheet .panel{inset:0 auto auto 0;top:var(--top,0);left:0;width:100%;max-width:none;height:var(--height,100%);max-height:none;
border-radius:0;animation:none;box-shadow:none}

.whole .panel{width:min(100%,720px);left:50%;transform:translateX(-50%)}
.whole .head .close:last-child{display:none}
.head{display:flex;align-items:center;gap:12px;padding:14px 10px 14px 18px;background:var(--accent);color:var(--on-accent)}
.sheet .head{padding-top:calc(10px + env(safe-area-inset-top,0px));padding-bottom:10px}
.crest{width:40px;height:40px;flex:none;border-radius:50%;display:grid;place-items:center;font-weight:600;font-size:18px;
border:1.5px solid currentColor}
.who{flex:1;min-width:0}
.hotel{font-size:16px;font-weight:600;line-height:1.3;overflow-wrap:anywhere}
.hotel,.speaker span{display:-webkit-box;-webkit-box-orient:vertical;-webkit-line-clamp:2;overflow:hidden}
.speaker{font-size:13px;line-height:1.4;display:flex;align-items:center;gap:6px}
.dot{width:8px;height:8px;border-radius:50%;flex:none;border:1.5px solid currentColor}
.dot.staff{background:#5fe08a;border-color:#fff}
.dot.waiting{background:#ffd166;border-color:#fff}
.close{width:44px;height:44px;border-radius:50%;display:grid;place-items:center;flex:none}
.close:hover{background:rgba(127,127,127,.25)}
.close:focus-visible,.launcher:focus-visible{outline-color:currentColor}
.reach{display:flex;align-items:center;gap:10px;padding:8px 18px;font-size:13px;line-height:1.45;color:var(--quiet);
border-bottom:1px solid var(--line)}
.reach span{flex:1;min-width:0}
.reach a{color:inherit;text-underline-offset:2px;white-space:nowrap}
.reach button{flex:none;color:var(--link);font-weight:600;padding:6px 0}
.reach button:hover{text-decoration:underline}
.line{padding:4px 18px;font-size:13px;background:var(--warn-ground);color:var(--warn);text-align:center}

.scroll{position:relative;flex:1;min-height:0;overflow-y:auto;overscroll-behavior:contain;padding:14px 16px 8px;background:var(--ground);
-webkit-overflow-scrolling:touch}
.log{display:flex;flex-direction:column}
.day{align-self:center;margin:10px 0 12px;font-size:12px;color:var(--quiet);font-variant-numeric:tabular-nums}
.row{display:flex;flex-direction:column;align-items:flex-start;max-width:86%;margin-bottom:12px;align-self:flex-start}
.row.guest{align-items:flex-end;align-self:flex-end}
.from{display:flex;align-items:center;gap:4px;font-size:12px;line-height:1.5;color:var(--quiet);margin:0 2px 3px;max-width:100%}
.from bdi{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.from .mark{font-size:11px;line-height:16px;padding:0 5px;border-radius:4px;border:1px solid var(--line);flex:none}
.bubble{padding:9px 14px;border-radius:4px 16px 16px 16px;background:var(--bubble);border:1px solid var(--line);cursor:default}
.guest .bubble{border-radius:16px 4px 16px 16px;background:var(--accent);color:var(--on-accent);border-color:var(--accent)}
.staff .bubble{border-color:var(--link)}
.words{display:block;unicode-bidi:isolate;white-space:pre-wrap;overflow-wrap:anywhere;text-wrap:pretty}
.meta{display:flex;align-items:center;gap:4px;font-size:12px;line-height:1.5;color:var(--quiet);margin:2px 4px 0;
font-variant-numeric:tabular-nums}
.meta svg{width:13px;height:13px}
.refused .bubble{background:var(--panel);color:var(--ink);border:1px dashed var(--warn)}
.refused .meta{color:var(--warn);flex-wrap:wrap;justify-content:flex-end}
.refused button{color:var(--link);font-weight:600;padding:4px}
.chips{display:flex;flex-wrap:wrap;gap:8px;margin:2px 0 12px}
.chips button{min-height:40px;padding:7px 16px;border-radius:20px;border:1px solid var(--link);color:var(--link);
background:var(--panel);font-size:15px;line-height:1.5;max-width:100%;overflow-wrap:anywhere}
.chips button:hover{background:var(--link);color:var(--panel)}
.words a{color:inherit;text-decoration:underline;text-underline-offset:2px}
.media{max-width:100%;margin-top:2px}
.bubble+.media,.bubble+.card{margin-top:6px}
.pic{display:block;border-radius:14px;overflow:hidden;border:1px solid var(--line);background:var(--bubble)}
.pic img,.media video{display:block;max-width:100%;height:auto;max-height:260px;border-radius:14px;object-fit:cover}
.media audio{display:block;width:240px;max-width:100%;height:44px}
.file{display:flex;align-items:center;gap:8px;padding:10px 14px;border-radius:14px;border:1px solid var(--line);background:var(--bubble);
color:var(--ink);font-size:14px;text-decoration:none;max-width:100%}
a.file:hover bdi{text-decoration:underline}
.file bdi{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;min-width:0}
.file small,.chosen small{color:var(--quiet);font-size:12px;flex:none}
.card{min-width:200px;max-width:100%;padding:10px 14px;border-radius:14px;border:1px solid var(--line);border-inline-start:3px solid var(--link);
background:var(--bubble);font-size:14px;display:flex;flex-direction:column;gap:2px;overflow-wrap:anywhere}
.card div{display:flex;justify-content:space-between;gap:12px;align-items:center}
.card strong{font-weight:600;font-size:15px}
.card .mark{font-size:12px;color:var(--quiet)}
.card.done .mark{color:var(--link)}
.card.cancelled strong,.card.cancelled bdi{text-decoration:line-through;color:var(--quiet)}
.card bdi{color:var(--quiet)}
.rating{scroll-margin:8px;border:1px solid var(--line);background:var(--bubble);border-radius:14px;padding:14px 16px;margin:4px 0 12px;text-align:center}
.rating strong{font-weight:600;font-size:15px}
.rating p{margin:0;font-size:14px;color:var(--quiet)}
.stars button{font-size:26px;line-height:44px;width:44px;text-align:center;color:var(--quiet);opacity:.75}
.stars button.on{color:var(--link);opacity:1}
.rest textarea{width:100%;height:auto;border-radius:12px;font-size:15px}
.give{margin-top:8px;padding:8px 22px;border-radius:20px;background:var(--accent);color:var(--on-accent);font-weight:600;font-size:15px}
.hello{display:flex;flex-direction:column;align-items:center;text-align:center;padding:34px 12px 22px;gap:6px}
.hello .crest{width:56px;height:56px;font-size:24px;color:var(--link);margin-bottom:6px}
.hello strong{font-weight:600;font-size:17px}
.hello p{margin:0;font-size:14px;color:var(--quiet)}
.first .chips{justify-content:center}
.notice{font-size:12px;line-height:1.6;color:var(--quiet);text-align:center;margin:0 0 12px}
.notice a{color:var(--link);text-underline-offset:2px}
.dots{display:inline-flex;gap:4px;align-items:center;height:22px}
.dots i{width:7px;height:7px;border-radius:50%;background:var(--quiet);animation:dot 1.2s infinite}
.dots i:nth-child(2){animation-delay:.15s}.dots i:nth-child(3){animation-delay:.3s}
@keyframes dot{0%,60%,100%{opacity:.3}30%{opacity:1}}
.bones i{display:block;height:42px;border-radius:4px 16px 16px 16px;background:var(--line);margin-bottom:14px;width:64%}
.bones i:nth-child(2){width:44%;margin-inline-start:auto;border-radius:16px 4px 16px 16px}
.jump{position:absolute;inset-inline:0;bottom:100%;margin:0 auto 10px;width:max-content;max-width:80%;display:flex;gap:4px;
align-items:center;padding:6px 14px 6px 10px;border-radius:18px;background:var(--panel);color:var(--link);font-size:13px;
font-weight:600;box-shadow:0 3px 14px rgba(16,32,48,.22)}

.foot{position:relative;display:flex;align-items:flex-end;gap:8px;padding:10px 12px;background:var(--panel);
border-top:1px solid var(--line)}
.sheet .foot{padding-bottom:calc(10px + var(--safe,env(safe-area-inset-bottom,0px)))}
textarea{flex:1;min-width:0;resize:none;font:inherit;color:inherit;background:var(--ground);border:1px solid var(--line);
border-radius:22px;padding:8px 16px;line-height:1.6;height:44px;max-height:140px;margin:0;display:block;overflow-y:auto;
-webkit-appearance:none;appearance:none;scrollbar-width:thin}
textarea::placeholder{color:var(--quiet);opacity:1}
textarea:focus{border-color:var(--link);box-shadow:0 0 0 1px var(--link);outline:none}
.tool{width:40px;height:44px;border-radius:50%;display:grid;place-items:center;flex:none;color:var(--quiet)}
.tool:hover{color:var(--link)}
.tool svg{width:24px;height:24px}
.tray{display:flex;gap:8px;padding:10px 12px 0;overflow-x:auto;background:var(--panel);border-top:1px solid var(--line)}
.tray+.foot{border-top:0}
.tray[hidden]+.foot{border-top:1px solid var(--line)}
.chosen{display:flex;align-items:center;gap:8px;flex:none;max-width:210px;padding:6px 4px 6px 8px;border:1px solid var(--line);border-radius:12px;
font-size:13px}
.chosen img{width:40px;height:40px;object-fit:cover;border-radius:8px}
.chosen span{min-width:0;display:flex;flex-direction:column;line-height:1.35}
.chosen bdi{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.chosen button{width:32px;height:40px;display:grid;place-items:center;flex:none;color:var(--quiet)}
.chosen button svg{width:18px;height:18px}
.dragged{box-shadow:inset 0 0 0 3px var(--link),var(--shade)}
.recording{display:flex;align-items:center;gap:8px;padding:10px 12px;background:var(--panel);border-top:1px solid var(--line)}
.recording i{width:10px;height:10px;border-radius:50%;background:#c62828;animation:dot 1.2s infinite}
.recording .time{font-variant-numeric:tabular-nums}
.recording .hint{flex:1;color:var(--quiet);font-size:13px}
.sheet .recording{padding-bottom:calc(10px + var(--safe,env(safe-area-inset-bottom,0px)))}
.large{position:fixed;inset:0;display:grid;place-items:center;background:rgba(0,0,0,.9);z-index:1}
.large img{max-width:96vw;max-height:92vh;object-fit:contain}
.large .close{position:absolute;top:calc(10px + env(safe-area-inset-top,0px));inset-inline-end:10px;color:#fff;background:rgba(0,0,0,.5)}
.greeting{position:fixed;bottom:calc(var(--lift,var(--y)) + 64px + env(safe-area-inset-bottom,0px));display:flex;align-items:flex-start;
max-width:min(340px,calc(100vw - 2*var(--x)));border-radius:16px;background:var(--panel);border:1px solid var(--line);
box-shadow:0 6px 20px rgba(16,32,48,.2);font-size:15px;animation:rise .2s ease-out}
.greeting button{padding:11px 4px 11px 16px}
.greeting .away{padding:10px;color:var(--quiet);flex:none;display:grid;place-items:center}
.greeting .away svg{width:16px;height:16px}
.right .greeting{right:var(--x)}
.left .greeting{left:var(--x)}
.send{width:44px;height:44px;border-radius:50%;display:grid;place-items:center;flex:none;background:var(--accent);
color:var(--on-accent)}
.send[aria-disabled=true]{background:var(--line);color:var(--quiet);cursor:default}
.send:focus-visible{outline-color:var(--ink)}
@media (max-width:480px){.launcher{width:56px;height:56px;padding:0;justify-content:center;border-radius:50%}.launcher .label{display:none}}
@media (prefers-reduced-motion:reduce){*{animation:none!important;transition:none!important}}
@media (forced-colors:active){.launcher,.panel,.bubble,.send{border:1px solid}}
@media print{:host{display:none}}
`;

export function dress(root: ShadowRoot, nonce: string | null): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(CSS);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement("style");
    if (nonce) style.nonce = nonce;
    style.textContent = CSS;
    root.append(style);
  }
}
