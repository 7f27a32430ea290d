using ServiceMesh.Load;

return await LoadCommand.Create().Parse(args).InvokeAsync(new() { ProcessTerminationTimeout = LoadCommand.TimeToReport });
