//! An API server with a group and client pods, whose port-forwards end at scripted proxies.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use crate::model::traffic::SIMULATION_METRIC;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// What the proxy of a pod does with its connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proxy {
    /// Answers with counters that grow by 100 responses of `web-svc-east` from scrape to scrape.
    Counts,
    /// The same, but the proxy is another process at the second scrape, on a new connection.
    Restarts,
    /// Nobody listens.
    Dead,
    /// Accepts connections and never answers.
    Hangs,
    /// Closes the connection in the middle of the second answer, and of all later ones.
    ClosesInMidAnswer,
    /// There is no proxy in the pod.
    Absent,
    /// The API server does not allow the port-forward.
    Forbidden,
    /// As [`Self::Counts`], but there is no proxy.
    Simulated,
    /// The pod waits for a node.
    Pending,
    /// As Kubernetes 1.35 refuses a port-forward without the right to `create`.
    CreateForbidden,
    /// Counts 100 responses for each scrape, by the weights of the groups.
    Follows,
    /// Counts 100 responses of `web-svc` for each scrape, whatever the weights are.
    Strays,
    /// As `Follows`, but each tenth response of `web-svc-east` is a failure.
    FollowsToFailures,
    /// As `Counts`, but half of the requests call `web-svc-east` itself.
    CallsBackend,
    /// Nothing is sent.
    Idle,
    /// Answers the first scrape, and no other one.
    GoesSilent,
    /// Counts, but the pod is being deleted.
    Terminates,
    /// It is no client, but the Prometheus of linkerd-viz.
    Prometheus,
}

#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// `METHOD PATH` of all requests.
    pub requests: Vec<String>,
    /// How many times each pod was scraped.
    scrapes: HashMap<String, usize>,
    at_once: usize,
    /// The most scrapes at the same moment.
    pub most_at_once: usize,
    /// The groups, by the names of their services.
    splits: BTreeMap<String, Value>,
    /// The responses that pods counted, by backend.
    responses: HashMap<String, BTreeMap<String, u64>>,
    /// ServiceProfiles.
    profiles: Vec<Value>,
    /// The status and the body of Prometheus's answers.
    prometheus: (u16, String),
    /// The queries that it got, with the heads of the requests.
    pub queries: Vec<String>,
    /// The pods that were replaced.
    gone: BTreeSet<String>,
    /// Nothing answers.
    is_away: bool,
}

impl Seen {
    fn new() -> Self {
        let splits = ["web-svc", "emoji-svc"].map(|it| (it.to_owned(), split(it)));
        Self {
            splits: splits.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Returns the weights of a group.
    pub fn weights(&self, service: &str) -> Vec<u64> {
        let backends = self.splits[service]["spec"]["backends"].as_array();
        let weights = backends.unwrap().iter();
        weights.map(|it| it["weight"].as_u64().unwrap()).collect()
    }

    /// Returns Prometheus's answer.
    fn query(&mut self, head: &str, body: &[u8]) -> String {
        let form = percent_encoding::percent_decode(body).decode_utf8_lossy();
        self.queries.push(format!("{head}\r\n\r\n{form}"));
        let (status, body) = &self.prometheus;
        let length = body.len();
        format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    /// Counts what a pod sends between two scrapes.
    fn send(&mut self, pod: &str, proxy: Proxy) {
        let sent = self.responses.entry(pod.to_owned()).or_default();
        if proxy == Proxy::Strays {
            *sent.entry("web-svc".to_owned()).or_default() += 100;
        }
        let follows = matches!(proxy, Proxy::Follows | Proxy::FollowsToFailures);
        let splits = self.splits.values().filter(|_| follows);
        for backend in splits.flat_map(|it| it["spec"]["backends"].as_array().unwrap()) {
            let name = backend["service"].as_str().unwrap().to_owned();
            *sent.entry(name).or_default() += 100 * backend["weight"].as_u64().unwrap();
        }
    }
}

pub struct FakeCluster {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    pods: Arc<Mutex<HashMap<String, Proxy>>>,
}

impl FakeCluster {
    pub async fn start(pods: &[(&str, Proxy)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Seen::new()));
        let pods = pods
            .iter()
            .map(|(name, proxy)| ((*name).to_owned(), *proxy));
        let pods: Arc<Mutex<HashMap<String, Proxy>>> = Arc::new(Mutex::new(pods.collect()));
        let (there, all) = (Arc::clone(&pods), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (pods, seen) = (there.lock().clone(), Arc::clone(&all));
                tokio::spawn(async move {
                    let _ = serve(stream, &pods, &seen).await;
                });
            }
        });
        Self { url, seen, pods }
    }

    /// Puts all traffic on the primaries.
    pub fn at_home(self) -> Self {
        for split in self.seen.lock().splits.values_mut() {
            split["spec"]["backends"][0]["weight"] = 1.into();
            split["spec"]["backends"][1]["weight"] = 0.into();
        }
        self
    }

    /// Has the traffic of all groups moved to where it is just now.
    pub fn just_moved(self) -> Self {
        for (service, split) in &mut self.seen.lock().splits {
            let last_move = json!({
                "from": format!("{service}=1,{service}-east=0"),
                "to": format!("{service}=0,{service}-east=1"),
                "at": jiff::Timestamp::now(), "by": "me", "why": "as scripted",
            });
            let annotations = &mut split["metadata"]["annotations"];
            annotations["failover.linkerd.io/last-move"] = last_move.to_string().into();
        }
        self
    }

    /// Has Prometheus answer all queries, at the URL of the cluster too.
    pub fn answering(self, status: u16, body: &str) -> Self {
        self.seen.lock().prometheus = (status, body.to_owned());
        self
    }

    /// Adds a ServiceProfile that sends the requests to `web-svc` to another service.
    pub fn with_profile(self) -> Self {
        let overrides = json!([{"authority": "other.emojivoto.svc.cluster.local", "weight": 1}]);
        self.seen.lock().profiles = vec![json!({
            "metadata": {"name": "web-svc.emojivoto.svc.cluster.local", "namespace": "emojivoto"},
            "spec": {"dstOverrides": overrides},
        })];
        self
    }

    /// Deletes the group of a service.
    pub fn delete(&self, service: &str) {
        self.seen.lock().splits.remove(service);
    }

    /// Replaces a pod with another one. Connections to it end without a word.
    pub fn replace(&self, old: &str, new: &str, proxy: Proxy) {
        let mut pods = self.pods.lock();
        pods.remove(old);
        pods.insert(new.to_owned(), proxy);
        self.seen.lock().gone.insert(old.to_owned());
    }

    /// Has nothing answer any more.
    pub fn go_away(&self) {
        self.seen.lock().is_away = true;
    }

    pub fn seen(&self) -> Seen {
        self.seen.lock().clone()
    }

    /// Waits until a pod was scraped once more.
    pub async fn scraped_again(&self, pod: &str) {
        let scrapes = || self.seen.lock().scrapes.get(pod).copied().unwrap_or(0);
        let before = scrapes();
        while scrapes() == before {
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Returns how many requests contain a text.
    pub fn count(&self, text: &str) -> usize {
        let seen = self.seen.lock();
        let requests = seen.requests.iter();
        requests.filter(|request| request.contains(text)).count()
    }
}

async fn serve(
    stream: TcpStream,
    pods: &HashMap<String, Proxy>,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut first, mut line, mut key) = (String::new(), String::new(), String::new());
    let mut length = 0;
    let mut head = String::new();
    stream.read_line(&mut first).await?;
    while stream.read_line(&mut line).await? > 2 {
        head.push_str(&line);
        if let Some(value) = line.strip_prefix("sec-websocket-key: ") {
            value.trim().clone_into(&mut key);
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut sent = vec![0; length];
    stream.read_exact(&mut sent).await?;
    let request: Vec<&str> = first.split(' ').take(2).collect();
    let path = request[1].to_owned();
    let is_away = {
        let mut seen = seen.lock();
        seen.requests.push(request.join(" "));
        seen.is_away
    };
    if is_away {
        sleep(Duration::from_secs(3600)).await;
    }
    if path == "/api/v1/query" {
        let answer = seen.lock().query(&head, &sent);
        return stream.write_all(answer.as_bytes()).await;
    }
    if path.ends_with("/prometheus-0/portforward?ports=9090") {
        return prometheus(stream, &key, seen).await;
    }
    if let Some(path) = path.strip_suffix("/portforward?ports=4191") {
        let pod = path.rsplit('/').next().unwrap();
        let Some(proxy) = pods.get(pod).copied() else {
            let message = format!("pods \"{pod}\" not found");
            let body = json!({
                "kind": "Status", "code": 404, "reason": "NotFound", "message": message
            });
            return answer(&mut stream, 404, &body).await;
        };
        if matches!(proxy, Proxy::Forbidden | Proxy::CreateForbidden) {
            let why = match proxy {
                Proxy::Forbidden => {
                    "User \"me\" cannot get resource \"pods/portforward\" in API group \"\" in the \
                     namespace \"emojivoto\""
                }
                _ => "",
            };
            let message = format!("pods \"{pod}\" is forbidden: {why}");
            let body = json!({"kind": "Status", "code": 403, "message": message});
            return answer(&mut stream, 403, &body).await;
        }
        return forward(stream, &key, pod, proxy, seen).await;
    }
    if path.contains("selfsubjectreviews") {
        let review = json!({"status": {"userInfo": {"username": "me"}}});
        return answer(&mut stream, 201, &review).await;
    }
    let items = if let Some((_, name)) = path.split_once("/trafficsplits/") {
        let service = name
            .split('?')
            .next()
            .unwrap()
            .trim_end_matches("-failover");
        let mut split = seen.lock().splits[service].clone();
        if first.starts_with("PATCH") {
            let patch: json_patch::Patch = serde_json::from_slice(&sent).unwrap();
            json_patch::patch(&mut split, &patch).unwrap();
            if !path.contains("dryRun") {
                seen.lock().splits.insert(service.to_owned(), split.clone());
            }
        }
        return answer(&mut stream, 200, &split).await;
    } else if path.contains("serviceprofiles") {
        seen.lock().profiles.clone()
    } else if path.contains("trafficsplits") {
        seen.lock().splits.values().cloned().collect()
    } else if path.contains("endpointslices") {
        ["web-svc", "web-svc-east", "emoji-svc", "emoji-svc-east"]
            .map(slice)
            .to_vec()
    } else if path.contains("/services/") {
        let selector = json!({"app": "vote-bot"});
        let service = json!({"metadata": {"name": "web-svc"}, "spec": {"selector": selector}});
        return answer(&mut stream, 200, &service).await;
    } else if path.starts_with("/api/v1/namespaces/missing?")
        || path == "/api/v1/namespaces/missing"
    {
        let status = json!({"kind": "Status", "code": 404, "reason": "NotFound"});
        return answer(&mut stream, 404, &status).await;
    } else if path.contains("/empty/pods") || path.contains("/missing/pods") {
        Vec::new()
    } else if path.contains("/pods") {
        let is_viz = path.contains("/linkerd-viz/");
        let here = pods.iter();
        let here = here.filter(|(_, proxy)| (**proxy == Proxy::Prometheus) == is_viz);
        here.map(|(name, proxy)| pod(name, *proxy)).collect()
    } else if path.starts_with("/api/v1/namespaces?") {
        let viz = pods.values().filter(|proxy| **proxy == Proxy::Prometheus);
        viz.map(|_| json!({"metadata": {"name": "linkerd-viz"}}))
            .collect()
    } else {
        Vec::new()
    };
    let list = json!({"metadata": {"resourceVersion": "1"}, "items": items});
    answer(&mut stream, 200, &list).await
}

async fn answer(stream: &mut BufReader<TcpStream>, code: u16, body: &Value) -> std::io::Result<()> {
    let body = body.to_string();
    let length = body.len();
    let head = format!("HTTP/1.1 {code} Scripted\r\nconnection: close\r\ncontent-length: {length}");
    stream
        .write_all(format!("{head}\r\n\r\n{body}").as_bytes())
        .await
}

/// The slice of a service with a ready endpoint.
fn slice(service: &str) -> Value {
    json!({
        "metadata": {
            "name": service, "namespace": "emojivoto",
            "labels": {"kubernetes.io/service-name": service},
        },
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": true}}],
    })
}

/// The group of a service, whose traffic is on its fallback.
fn split(service: &str) -> Value {
    let east = format!("{service}-east");
    json!({
        "metadata": {
            "name": format!("{service}-failover"), "namespace": "emojivoto", "resourceVersion": "1",
            "labels": {"failover.linkerd.io/controlled-by": "linkerd-failover"},
            "annotations": {"failover.linkerd.io/primary-service": service},
        },
        "spec": {
            "service": service,
            "backends": [{"service": service, "weight": 0}, {"service": east, "weight": 1}],
        },
    })
}

fn pod(name: &str, proxy: Proxy) -> Value {
    let container = if proxy == Proxy::Absent {
        "app"
    } else {
        "linkerd-proxy"
    };
    let labels = match proxy {
        Proxy::Prometheus => json!({"linkerd.io/extension": "viz", "component": "prometheus"}),
        _ => json!({"app": "vote-bot", "pod-template-hash": "6b"}),
    };
    let deleted = (proxy == Proxy::Terminates).then_some("2026-01-02T03:04:05Z");
    json!({
        "metadata": {
            "name": name, "labels": labels, "deletionTimestamp": deleted,
            "ownerReferences": [{"kind": "ReplicaSet", "name": "vote-bot-6b", "controller": true}],
        },
        "spec": {"containers": [{"name": container}]},
        "status": {"phase": if proxy == Proxy::Pending { "Pending" } else { "Running" }},
    })
}

/// Begins the server's side of a port-forward.
async fn begin_forward(
    stream: &mut BufReader<TcpStream>,
    key: &str,
    port: u16,
) -> std::io::Result<()> {
    let accept = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let accept = STANDARD.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, accept.as_bytes()));
    let head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-accept: {accept}\r\nsec-websocket-protocol: v4.channel.k8s.io\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    for channel in [0, 1] {
        frame(stream, channel, &port.to_le_bytes()).await?;
    }
    Ok(())
}

/// The server's side of a port-forward to Prometheus.
async fn prometheus(
    mut stream: BufReader<TcpStream>,
    key: &str,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    begin_forward(&mut stream, key, 9090).await?;
    loop {
        let sent = request(&mut stream).await?;
        let (head, body) = sent.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /api/v1/query HTTP/1.1\r\n"));
        let answer = seen.lock().query(head, body.as_bytes());
        for part in answer.as_bytes().chunks(100) {
            frame(&mut stream, 0, part).await?;
        }
    }
}

/// The server's side of a port-forward to a proxy.
async fn forward(
    mut stream: BufReader<TcpStream>,
    key: &str,
    pod: &str,
    proxy: Proxy,
    seen: &Mutex<Seen>,
) -> std::io::Result<()> {
    begin_forward(&mut stream, key, 4191).await?;
    if proxy == Proxy::Dead {
        let error =
            b"error forwarding port 4191: dial tcp4 127.0.0.1:4191: connect: connection refused";
        frame(&mut stream, 1, error).await?;
        return stream.write_all(&[0x88, 0]).await;
    }
    loop {
        let sent = request(&mut stream).await?;
        assert!(sent.starts_with("GET /metrics HTTP/1.1\r\n"));
        let is_silent = {
            let seen = seen.lock();
            let has_answered = seen.scrapes.contains_key(pod);
            proxy == Proxy::Hangs || seen.is_away || (proxy == Proxy::GoesSilent && has_answered)
        };
        if is_silent {
            sleep(Duration::from_secs(3600)).await;
        }
        if seen.lock().gone.contains(pod) {
            return Ok(());
        }
        let before = {
            let mut seen = seen.lock();
            seen.at_once += 1;
            seen.most_at_once = seen.most_at_once.max(seen.at_once);
            let scrapes = seen.scrapes.entry(pod.to_owned()).or_default();
            *scrapes += 1;
            let before = *scrapes - 1;
            seen.send(pod, proxy);
            before
        };
        sleep(Duration::from_millis(10)).await;
        let is_broken = proxy == Proxy::ClosesInMidAnswer && before > 0;
        let is_second_process = proxy == Proxy::Restarts && before > 0;
        seen.lock().at_once -= 1;
        if proxy == Proxy::Restarts && before == 1 {
            // The first connection ends with the first process.
            return Ok(());
        }
        let body = match proxy {
            Proxy::Follows | Proxy::Strays | Proxy::Idle => {
                sent_metrics(&seen.lock().responses[pod], 0)
            }
            Proxy::FollowsToFailures => sent_metrics(&seen.lock().responses[pod], 20),
            Proxy::Simulated => metrics(before, false) + SIMULATION_METRIC + " 1\n",
            Proxy::CallsBackend => {
                metrics(before, false)
                    + &format!(
                        "outbound_http_balancer_queue_requests_total{{\
                         parent_namespace=\"emojivoto\",parent_name=\"web-svc-east\",\
                         backend_namespace=\"emojivoto\",backend_name=\"web-svc-east\"}} {}\n",
                        50 * before
                    )
            }
            _ => metrics(before, is_second_process),
        };
        let length = body.len();
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        let sent = if is_broken {
            answer.len() - 20
        } else {
            answer.len()
        };
        for part in answer.as_bytes()[..sent].chunks(100) {
            frame(&mut stream, 0, part).await?;
        }
        if is_broken {
            return stream.write_all(&[0x88, 0]).await;
        }
    }
}

/// The metrics of a pod that counted these responses; `failing` is how many of `web-svc-east` fail.
fn sent_metrics(responses: &BTreeMap<String, u64>, failing: u64) -> String {
    let line = |backend: &str, class: &str, count: u64| {
        format!(
            "response_total{{direction=\"outbound\",authority=\"{backend}.emojivoto.svc\",\
             status_code=\"200\",classification=\"{class}\"}} {count}\n"
        )
    };
    let lines = responses.iter().map(|(backend, count)| {
        let failures = if backend == "web-svc-east" {
            failing * count / 200
        } else {
            0
        };
        line(backend, "success", count - failures) + &line(backend, "failure", failures)
    });
    format!(
        "process_start_time_seconds 1000\n{}",
        lines.collect::<String>()
    )
}

fn metrics(scrapes: usize, is_second_process: bool) -> String {
    let (started, responses) = if is_second_process {
        (2000, 7)
    } else {
        (1000, 500 + 100 * scrapes)
    };
    let labels = "direction=\"outbound\",authority=\"web-svc-east.emojivoto.svc.cluster.local\"";
    format!(
        "process_start_time_seconds {started}\n\
         response_total{{{labels},status_code=\"200\",classification=\"success\"}} {responses}\n\
         response_latency_ms_bucket{{{labels},status_code=\"200\",le=\"10\"}} {responses}\n\
         response_latency_ms_bucket{{{labels},status_code=\"200\",le=\"+Inf\"}} {responses}\n\
         tcp_open_connections{{peer=\"dst\",{labels}}} 1\n"
    )
}

async fn frame(
    stream: &mut BufReader<TcpStream>,
    channel: u8,
    bytes: &[u8],
) -> std::io::Result<()> {
    let length = u8::try_from(bytes.len() + 1).unwrap();
    assert!(length < 126);
    let frame = [&[0x82, length, channel], bytes].concat();
    stream.write_all(&frame).await
}

/// Reads the frames of a whole request.
async fn request(stream: &mut BufReader<TcpStream>) -> std::io::Result<String> {
    let mut text = Vec::new();
    while !is_whole(&text) {
        let mut head = [0; 2];
        stream.read_exact(&mut head).await?;
        let length = match head[1] & 0x7f {
            126 => stream.read_u16().await?.into(),
            length => u64::from(length),
        };
        let (mut mask, mut payload) = ([0; 4], vec![0; usize::try_from(length).unwrap()]);
        stream.read_exact(&mut mask).await?;
        stream.read_exact(&mut payload).await?;
        let plain = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask);
        text.extend(plain.skip(1));
        if head[0] & 0x0f == 8 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(String::from_utf8(text).unwrap())
}

/// Whether a request has all of its head and its body.
fn is_whole(text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() == length.map_or(0, |length| length.parse().unwrap())
}
