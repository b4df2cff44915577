/**
 * Runs in a worker before Effect is loaded. Effect would make an AsyncResource for each suspension of a fiber, which a
 * simulation has no use for and which costs it 5 to 35 percent.
 */
Reflect.set(process, "getBuiltinModule", undefined)
