import { createApp } from "vue";

import "element-plus/theme-chalk/base.css";
import "element-plus/theme-chalk/dark/css-vars.css";
import "element-plus/theme-chalk/el-button.css";
import "element-plus/theme-chalk/el-dialog.css";
import "element-plus/theme-chalk/el-overlay.css";
import "element-plus/theme-chalk/el-dropdown.css";
import "element-plus/theme-chalk/el-dropdown-menu.css";
import "element-plus/theme-chalk/el-dropdown-item.css";
import "element-plus/theme-chalk/el-popper.css";
import "element-plus/theme-chalk/el-scrollbar.css";
import "element-plus/theme-chalk/el-form.css";
import "element-plus/theme-chalk/el-form-item.css";
import "element-plus/theme-chalk/el-input.css";
import "element-plus/theme-chalk/el-radio.css";
import "element-plus/theme-chalk/el-radio-group.css";
import "element-plus/theme-chalk/el-switch.css";
import "element-plus/theme-chalk/el-icon.css";
import "element-plus/theme-chalk/el-image-viewer.css";
import "./tokens.css";

import { onServerDate, onSessionLost } from "./api";
import App from "./App.vue";
import { setDate, startClock } from "./clock";
import { startTheme } from "./preferences";
import { startRings } from "./rings";
import { startRoute } from "./route";
import { leave } from "./session";
import { flushOnLeave } from "./toasts";

onServerDate(setDate);
onSessionLost(() => leave(true));
startTheme();
startClock();
startRoute();
startRings();
flushOnLeave();
createApp(App).mount("#desk");
