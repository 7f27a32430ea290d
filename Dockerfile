# The mesh's own programs as images, one a target: registry-sidecar, proxy, deployer. One build makes all that PROGRAMS names:
# packages are restored once, and the libraries that they share compiled once.
#   docker build --target proxy -t proxy .
FROM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG PROGRAMS="registry-sidecar proxy deployer"
# What native code is linked with.
RUN case " $PROGRAMS " in *" registry-sidecar "*) \
      apt-get update && apt-get install --yes --no-install-recommends gcc libc6-dev && rm -rf /var/lib/apt/lists/* ;; \
    esac
WORKDIR /src
ENV PUBLISH="--no-restore -c Release --use-current-runtime -p:PublishReadyToRun=true -p:RunAnalyzers=false"
# What decides the packages comes first, so that a change of code does not restore again.
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY .config/ .config/
COPY consul/*.csproj consul/
COPY mesh-model/*.csproj mesh-model/
COPY docker/*.csproj docker/
COPY registry-sidecar/*.csproj registry-sidecar/
COPY proxy/*.csproj proxy/
COPY deployer/*.csproj deployer/
# The sidecar is native code, and the deployer runs on hosts without .NET. The others are compiled ahead of time, too: a command
# line lives for seconds, and the first requests after a start are as fast as the later ones.
RUN for program in $PROGRAMS; do \
      case $program in proxy) self=false ;; *) self=true ;; esac; \
      dotnet restore $program --use-current-runtime -p:SelfContained=$self -p:PublishReadyToRun=true || exit 1; \
    done
COPY consul/ consul/
COPY mesh-model/ mesh-model/
COPY docker/ docker/
# In turn, so that a change of one does not build those before it again: the sidecar's native code takes a minute.
# Its symbols would be thrice as large as itself, and take as much memory to make.
COPY registry-sidecar/ registry-sidecar/
RUN case " $PROGRAMS " in *" registry-sidecar "*) dotnet publish registry-sidecar $PUBLISH --self-contained true -p:DebugType=none -o /app/registry-sidecar ;; esac
COPY proxy/ proxy/
RUN case " $PROGRAMS " in *" proxy "*) dotnet publish proxy $PUBLISH --self-contained false -o /app/proxy ;; esac
COPY deployer/ deployer/
RUN case " $PROGRAMS " in *" deployer "*) dotnet publish deployer $PUBLISH --self-contained true -o /app/deployer ;; esac

FROM mcr.microsoft.com/dotnet/runtime-deps:10.0-noble-chiseled AS registry-sidecar
WORKDIR /app
COPY --from=build /app/registry-sidecar/registry-sidecar /app/registry-sidecar/appsettings.json ./
# By default the runtime lets as much garbage gather as the processor's cache is large; a sidecar wants to be small.
ENV DOTNET_GCgen0size=0x400000
# Not root: give it the group of Docker's socket with --group-add.
USER $APP_UID
ENTRYPOINT ["/app/registry-sidecar"]

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
