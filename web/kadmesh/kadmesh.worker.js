// The node's own thread, so that the page stays smooth.

import { serve } from "./kadmesh.host.js";

serve(/** @type {any} */ (self));
