# The mesh's own programs as images, one a target: registry-sidecar, proxy, deployer. One build makes all that PROGRAMS names:
# packages are restored once, the libraries that they share compiled once, and the compiler stays warm from one to the next.
#   docker build --target proxy -t proxy .
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG PROGRAMS="registry-sidecar proxy deployer"
WORKDIR /src
# What decides the packages comes first, so that a change of code does not restore again.
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY .config/ .config/
COPY consul/*.csproj consul/
COPY mesh-model/*.csproj mesh-model/
COPY docker/*.csproj docker/
COPY registry-sidecar/*.csproj registry-sidecar/
COPY proxy/*.csproj proxy/
COPY deployer/*.csproj deployer/
# The deployer runs on hosts without .NET. All are compiled ahead of time: a command line lives for seconds, and the first
# events and requests after a start are as fast as the later ones.
RUN for program in $PROGRAMS; do \
      case $program in deployer) self=true ;; *) self=false ;; esac; \
      dotnet restore $program --use-current-runtime -p:SelfContained=$self -p:PublishReadyToRun=true || exit 1; \
    done
COPY consul/ consul/
COPY mesh-model/ mesh-model/
COPY docker/ docker/
COPY registry-sidecar/ registry-sidecar/
COPY proxy/ proxy/
COPY deployer/ deployer/
RUN for program in $PROGRAMS; do \
      case $program in deployer) self=true ;; *) self=false ;; esac; \
      dotnet publish $program --no-restore -c Release --use-current-runtime --self-contained $self \
        -p:PublishReadyToRun=true -p:RunAnalyzers=false -o /app/$program || exit 1; \
    done

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS registry-sidecar
WORKDIR /app
COPY --from=build /app/registry-sidecar .
# By default the runtime lets as much garbage gather as the processor's cache is large; a sidecar wants to be small. 4 MiB save 30.
# Nor does it pay to compile again what runs often: that never ends for one that works a few milliseconds now and then, and takes
# 10 MiB and half of its time while idle. Both are read from the environment only.
ENV DOTNET_GCgen0size=0x400000 DOTNET_TC_CallCountingDelayMs=0x7fffffff
# Not root: give it the group of Docker's socket with --group-add.
USER $APP_UID
ENTRYPOINT ["dotnet", "registry-sidecar.dll"]

FROM mcr.microsoft.com/dotnet/aspnet:10.0 AS proxy
WORKDIR /app
COPY --from=build /app/proxy .
RUN mkdir /state && chown $APP_UID /state
# The base image names a port of its own, which would only be overridden with a warning. A garbage collection costs the same
# whether much or little was thrown away since the last one: from 32 MiB on, requests take a twentieth less of the processor.
ENV ASPNETCORE_HTTP_PORTS= PROXY_STATE=/state DOTNET_GCgen0size=0x2000000
VOLUME /state
EXPOSE 8000
USER $APP_UID
ENTRYPOINT ["dotnet", "proxy.dll"]

# Its files alone, for a host without .NET: docker create, then docker cp <container>:/app <folder>.
FROM scratch AS deployer
COPY --from=build /app/deployer /app
